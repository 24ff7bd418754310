#!/bin/bash
echo "cannot find what it needs" >&2
exit 3
