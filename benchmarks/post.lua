-- wrk's side of the closed loop: one template, a fresh number in every request.
-- Arguments: file with the request template, first number. Prints one line of JSON.

local parts, number

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local template = file:read("*a")
  file:close()
  parts = {}
  local from = 1
  while true do
    local at, to = template:find("@@@@@@@", from, true)
    if not at then break end
    parts[#parts + 1] = template:sub(from, at - 1)
    from = to + 1
  end
  parts[#parts + 1] = template:sub(from)
  number = tonumber(args[2])
end

function request()
  number = number + 1
  return table.concat(parts, string.format("%07d", number))
end

function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '\nJSON {"answered": %d, "seconds": %.6f, "non_2xx": %d, "broken": %d, '
      .. '"p50": %.6f, "p90": %.6f, "p99": %.6f, "p99.9": %.6f}\n',
    summary.requests, summary.duration / 1e6, failed.status,
    failed.connect + failed.read + failed.write + failed.timeout,
    latency:percentile(50) / 1e3, latency:percentile(90) / 1e3,
    latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3
  ))
end
