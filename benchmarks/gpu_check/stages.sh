# Stages of a check that takes long and must not lose what it has found: sourced by gpu-check.
#
#   stages_begin FOLDER SECONDS      logs go to FOLDER/logs; all stages together have so many seconds
#   stage NAME SECONDS TITLE COMMAND...
#                                    runs the command for so long at most; what fails does not stop the others.
#                                    Exit code 0 passed, 77 skipped, anything else failed. A function must be exported.
#   stages_interrupt                 for a trap: ends the stage that runs and lets no other begin
#   stages_markdown > FILE           a table and the end of every log
#   stages_json > FILE               the same as an array
#   stages_failed                    how many failed or timed out

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

stages_begin() {
  stage_folder=$1/logs
  stage_deadline=$(($(milliseconds) + 1000 * $2))
  stage_names=() stage_titles=() stage_results=() stage_times=() stage_limits=()
  stage_process='' stage_interrupted=0
  mkdir -p "$stage_folder"
}

stage() {
  local name=$1 limit=$2 title=$3 start code result left
  start=$(milliseconds)
  left=$(((stage_deadline - start + 999) / 1000))  # whole seconds, a begun one counts: bash's SECONDS would drop it
  shift 3
  local log=$stage_folder/$name.log
  if ((left < limit)); then limit=$left; fi
  if ((stage_interrupted)); then
    result='not run: interrupted'
    : > "$log"
  elif ((limit <= 0)); then
    result='not run: no time left'
    : > "$log"
  else
    printf '%-12s %s\n' "$name" "$title"
    # In the background, since a trap waits for the end of a command in the foreground.
    timeout --kill-after=5 "$limit" bash -c '"$@"' stage "$@" > "$log" 2>&1 < /dev/null &
    stage_process=$!
    wait "$stage_process"
    code=$?
    if ((stage_interrupted)); then wait "$stage_process"; fi
    stage_process=''
    case $code in
      0) result=passed ;;
      77) result=skipped ;;
      124 | 137) result="timed out after $limit s" ;;
      *) result="failed, exit code $code" ;;
    esac
    if ((stage_interrupted)); then result=interrupted; fi
  fi
  local ms=$(($(milliseconds) - start))
  printf '%-12s %s (%d.%01d s)\n' '' "$result" $((ms / 1000)) $((ms % 1000 / 100))
  if [[ $result == failed* || $result == timed* ]]; then tail -n 15 "$log" | sed 's/^/             | /'; fi
  stage_names+=("$name") stage_titles+=("$title") stage_results+=("$result")
  stage_times+=("$((ms / 1000)).$(printf '%03d' $((ms % 1000)))") stage_limits+=("$limit")
  stage_record $((${#stage_names[@]} - 1))
}

# What the JSON array and the Markdown say of a stage, made once: they are written again after every stage.
stage_record() {
  local base=$stage_folder/${stage_names[$1]}
  {
    printf '\n    {"name": %s, "title": %s, "result": %s, "seconds": %s, "limit_seconds": %s,\n     "output": %s}' \
      "$(printf '%s' "${stage_names[$1]}" | json_string)" "$(printf '%s' "${stage_titles[$1]}" | json_string)" \
      "$(printf '%s' "${stage_results[$1]}" | json_string)" "${stage_times[$1]}" "${stage_limits[$1]}" \
      "$(tail -n 200 "$base.log" | json_string)"
  } > "$base.json"
  {
    printf '\n## %s\n\n%s: %s\n\n```\n' "${stage_names[$1]}" "${stage_titles[$1]}" "${stage_results[$1]}"
    tail -n 80 "$base.log"
    printf '```\n'
  } > "$base.md"
}

stages_interrupt() {
  stage_interrupted=1
  if [[ -n $stage_process ]]; then kill "$stage_process"; fi
}

stages_failed() {
  local result failed=0
  for result in "${stage_results[@]}"; do
    if [[ $result != passed && $result != skipped ]]; then failed=$((failed + 1)); fi
  done
  echo "$failed"
}

stages_markdown() {
  local i
  printf '| stage | what | result | seconds |\n| --- | --- | --- | ---: |\n'
  for i in "${!stage_names[@]}"; do
    printf '| %s | %s | %s | %s |\n' "${stage_names[i]}" "${stage_titles[i]}" "${stage_results[i]}" "${stage_times[i]}"
  done
  for i in "${!stage_names[@]}"; do cat "$stage_folder/${stage_names[i]}.md"; done
}

# Text of standard input as a JSON string; other control characters than tabs and ends of lines are dropped.
json_string() {
  LC_ALL=C tr -d '\000-\010\013-\037\177' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/\t/\\t/g' |
    awk 'BEGIN { printf "\"" } { if (NR > 1) printf "\\n"; printf "%s", $0 } END { printf "\"" }'
}

stages_json() {
  local name between='['
  for name in "${stage_names[@]}"; do
    printf '%s' "$between"
    cat "$stage_folder/$name.json"
    between=,
  done
  printf '\n  ]'
}
