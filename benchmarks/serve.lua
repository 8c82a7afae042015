-- What wrk asks: `cached` repeats one search, `different` never asks the same twice.
local kind, seed
local sent = 0
local words = {
  "a red car", "a blue boat", "a house", "two birds", "a tree", "a dog", "a yellow sun", "a train",
  "at night", "in the snow", "by the sea", "in space", "on a road", "in a forest", "under clouds",
}

function init(args)
  kind, seed = args[1], args[2]
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  if kind == "constant" then
    return wrk.format("GET")
  end
  local query = "a red car turning at night"
  if kind == "different" then
    sent = sent + 1
    query = words[1 + sent % 8] .. " " .. words[9 + sent % 7] .. " " .. seed .. " " .. sent
  end
  return wrk.format(nil, nil, nil, '{"query": "' .. query .. '", "limit": 10}')
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    "\n{\"requests\": %d, \"seconds\": %f, \"p50_ms\": %f, \"p99_ms\": %f, \"errors\": %d}\n",
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000,
    latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
