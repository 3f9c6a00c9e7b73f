-- wrk's side of bench/payload.py: the same bodies, numbered from the first argument.
local number, template, newcomers, known, stride

function init(args)
   number = tonumber(args[1])
   template = args[2]
   newcomers = tonumber(args[3])
   known = tonumber(args[4])
   stride = tonumber(args[5])
   wrk.headers["Content-Type"] = "application/json"
end

function request()
   local person = math.floor(number / 2) * stride % known
   if number % 2 == 1 then
      person = newcomers + number % newcomers
   end
   local digits = string.format("%07d", person)
   wrk.headers["Idempotency-Key"] = string.format("%016x", number)
   number = number + 1
   local body = string.format(template, digits:sub(1, 3), digits:sub(4, 5), digits:sub(6, 7), digits)
   return wrk.format("POST", nil, nil, body)
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '{"requests": %d, "refused": %d, "seconds": %f, "p50": %f, "p99": %f}\n',
      summary.requests, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
      summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
