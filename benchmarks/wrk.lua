-- Posts the bodies of a file in turn, each after a line with its length; prints the summary as a line of JSON.
-- wrk -s wrk.lua URL -- FILE ["NAME: VALUE" ...]

local requests = {}
local last = 0

function init(args)
  local headers = { ["Host"] = wrk.headers["Host"], ["Content-Type"] = "application/json" }
  for index = 2, #args do
    local name, value = args[index]:match("^(.-): (.*)$")
    headers[name] = value
  end
  local file = assert(io.open(args[1], "rb"))
  for size in file:lines() do
    requests[#requests + 1] = wrk.format("POST", nil, headers, file:read(tonumber(size)))
  end
end

function request()
  last = last % #requests + 1
  return requests[last]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"duration_us": %d, "requests": %d, "p50_us": %d, "p99_us": %d, "errors": ' ..
    '{"status": %d, "connect": %d, "read": %d, "write": %d, "timeout": %d}}\n',
    summary.duration, summary.requests, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect, errors.read, errors.write, errors.timeout))
end
