# What one run of the official suite shows, beside what it must show.
#   jq -n --arg run NAME --arg expected TEXT --arg required TEXT -f judge.jq checks.json...
# expected: the entries of the files of expected failures, a line each.
# required: lines "run<tab>scenario<tab>check<tab>times".
# Answers {checks, expected, scenarios, red, findings: [[scenario, words]...]}, and in
# seen what passed, in the form of required.

# results/[server-]SCENARIO-TIME/checks.json
def scenario: input_filename | split("/")[-2] | sub("-20[0-9-]{8}T[0-9-]+Z$"; "") | sub("^server-"; "");
def lines: split("\n") | map(select(. != ""));
def words: gsub("\\s+"; " ") | .[0:240];
# A dead server passes these.
def proves: .id != "wire-schema-valid" and .id != "sep-2164-no-empty-contents";

[inputs as $all | scenario as $s | $all[] | . + {scenario: $s, entry: "\($s):\(.id)"}] as $checks
| ($expected | lines | map({key: ., value: true}) | from_entries) as $excused
| ($required | lines | map(split("\t")) | map(select(.[0] == $run))
    | map({scenario: .[1], id: .[2], times: (.[3] | tonumber)})) as $named
| ($checks | map(select(.status == "FAILURE" or .status == "WARNING"))) as $bad
| ($checks | map(select(.status == "SUCCESS"))) as $good
| ($good | group_by(.entry) | map({key: .[0].entry, value: length}) | from_entries) as $times
| ($bad | map({key: .entry, value: true}) | from_entries) as $is_bad
| [($bad[] | select($excused[.entry] | not)
     | [.scenario, "\(.id): \(.errorMessage // .description // .status | words)"]),
   ($named[] | "\(.scenario):\(.id)" as $e | ($times[$e] // 0) as $n
     | select($n < .times and ($is_bad[$e] and ($excused[$e] | not) | not))
     | [.scenario, "\(.id): passed \($n) times, not \(.times)"]),
   ($excused | keys_unsorted[] | select($is_bad[.] | not)
     | [split(":")[0], "\(split(":")[1]): expected to fail, and did not"])] as $findings
| {
    checks: ($good | length),
    expected: ($bad | map(select($excused[.entry])) | length),
    scenarios: ($named | map(.scenario) | unique | length),
    red: ($findings | map(.[0]) | unique | length),
    findings: ($findings | unique),
    named: ($named | map(.scenario) | unique),
    seen: ($good | map(select(proves)) | group_by(.entry)
      | map("\($run)\t\(.[0].scenario)\t\(.[0].id)\t\(length)"))
  }
