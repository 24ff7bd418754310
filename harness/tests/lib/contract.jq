# Compares mocks/contracts/routes.json with the tables of routes and with what scenarios
# have shown. Arguments: $contract (routes.json), $table (waybill-mock routes --json), $shown
# ({profile: [{id, request}]}, the contract checks that passed). Yields {kind, text}.

def key: "\(.method) \(.path)";
# "/a/:id/*rest" as a regular expression of a request line
def pattern: "^\(.method) [a-z]+://[^/]+" + (.path | gsub("(?<c>[.()+])"; "\\\(.c)")
    | gsub("/:[a-z_]+"; "/[^/?]+") | gsub("/\\*[a-z_]*$"; "/.*")) + "([?].*)?$";

[$contract.groups[] as $g | $g.routes[] | . + {group: $g.group, plane: $g.plane}] as $rows
| [$rows[] | select(.method != "*")] as $real
| (reduce $table.routes[] as $r ({}; .["\($r.plane) \($r | key)"] = $r)) as $built
| (reduce $real[] as $r ({}; .["\($r.plane) \($r | key)"] = $r)) as $known
| (reduce ($shown | to_entries[] | .key as $p | .value[] | . + {profile: $p}) as $s
    ({}; .[$s.profile][$s.id] += [$s.request])) as $seen
|
  ($table.routes[] | select($known["\(.plane) \(key)"] == null)
    | {kind: "missing", text: "route without a row: \(.plane) \(key) (\(.group))"}),

  ($real[] | . as $row | $built["\(.plane) \(key)"]
    | if . == null then {kind: "wrong", text: "row without a route: \($row.plane) \($row | key) (\($row.group))"}
      else
        (select(.auth != $row.auth) | {kind: "wrong", text: "\($row | key): auth is \(.auth), the row says \($row.auth) (\($row.group))"}),
        (select(.group != $row.group) | {kind: "wrong", text: "\($row | key): group is \(.group), the row says \($row.group) (\($row.group))"}),
        (select(.built == ($row.unspecified == true)) | {kind: "wrong", text: "\($row | key): \(if .built then "is built, the row says unspecified" else "is not built" end) (\($row.group))"})
      end),

  ($real | group_by("\(.plane) \(key)")[] | select(length > 1)
    | {kind: "wrong", text: "two rows of one route: \(.[0] | key) (\(.[0].group))"}),

  ($real[] | select(.unspecified != true and ((.answers // []) | length) == 0 and .plane != "mock")
    | {kind: "missing", text: "\(key): the row has no answer (\(.group))"}),

  ($rows[] | . as $row | .answers[]? | . as $a
    | (.profiles // ["rfc", "shipped"])[] | . as $profile | select($shown[$profile] != null)
    | select($a.test == null)
    | ($seen[$profile][$a.id] // []) as $requests
    | if ($requests | length) == 0
      then {kind: "missing", text: "nothing shows the answer \($a.id) under \($profile) (\($row.group): \($row | key))"}
      else select($row.method != "*" and all($requests[]; test($row | pattern) | not))
        | {kind: "wrong", text: "\($a.id) is shown by \($requests[0]), not by \($row | key) (\($row.group))"} end)
