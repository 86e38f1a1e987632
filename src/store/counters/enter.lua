-- Admits a request under every bound or none. One call is one step: Redis runs nothing beside it.
-- KEYS: three for each bound: requests by second, tokens by second, who is inside until when.
-- ARGV: request id, tokens reserved, lease in seconds; then for each bound rpm, tpm, concurrency
--       (-1: none) and 1 for shadow mode.
-- Returns: second, admitted (1 or 0), then for each bound: requests in the last minute, seconds until
--       there are none, the same for tokens, seconds to wait for requests, tokens, a place (0: room).
local MINUTE = 60
local now = tonumber(redis.call('TIME')[1])
local id, reserved, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

-- What came in the last minute, by second; what is older is forgotten.
local function window(key)
  local flat, seconds, total, old = redis.call('HGETALL', key), {}, 0, {}
  for i = 1, #flat, 2 do
    local second, amount = tonumber(flat[i]), tonumber(flat[i + 1])
    if second > now - MINUTE then
      seconds[#seconds + 1] = { second, amount }
      total = total + amount
    else
      old[#old + 1] = flat[i]
    end
  end
  if #old > 0 then redis.call('HDEL', key, unpack(old)) end
  table.sort(seconds, function(a, b) return a[1] < b[1] end)
  return { total = total, seconds = seconds }
end

-- Seconds until no more than `room` is left.
local function wait(w, room)
  local total = w.total
  for _, entry in ipairs(w.seconds) do
    if total <= room then break end
    total = total - entry[2]
    if total <= room then return math.max(1, entry[1] + MINUTE - now) end
  end
  if total <= room then return 0 end
  return MINUTE
end

local function short(w, limit, amount)
  if limit < 0 or w.total + amount <= limit then return 0 end
  return math.max(1, wait(w, math.max(0, limit - amount)))
end

local bounds, admitted, answer = #KEYS / 3, 1, { now, 0 }
local windows = {}
for b = 1, bounds do
  local requests, tokens, inside = KEYS[3 * b - 2], KEYS[3 * b - 1], KEYS[3 * b]
  local rpm, tpm = tonumber(ARGV[4 * b]), tonumber(ARGV[4 * b + 1])
  local places, shadow = tonumber(ARGV[4 * b + 2]), ARGV[4 * b + 3] == '1'
  local r, t = window(requests), window(tokens)
  redis.call('ZREMRANGEBYSCORE', inside, '-inf', now)
  local crowded = 0
  if places >= 0 and redis.call('ZCARD', inside) >= places then crowded = 1 end
  local waits = { short(r, rpm, 1), short(t, tpm, reserved), crowded }
  if not shadow and waits[1] + waits[2] + waits[3] > 0 then admitted = 0 end
  windows[b] = { r, t, waits }
end
for b = 1, bounds do
  local requests, tokens, inside = KEYS[3 * b - 2], KEYS[3 * b - 1], KEYS[3 * b]
  local r, t, waits = windows[b][1], windows[b][2], windows[b][3]
  if admitted == 1 then
    redis.call('HINCRBY', requests, now, 1)
    redis.call('EXPIRE', requests, 2 * MINUTE)
    if reserved > 0 then redis.call('HINCRBY', tokens, now, reserved) end
    redis.call('EXPIRE', tokens, 2 * MINUTE)
    redis.call('ZADD', inside, now + lease, id)
    redis.call('EXPIRE', inside, 2 * lease)
    r = window(requests)
    t = window(tokens)
  end
  for _, value in ipairs({ r.total, wait(r, 0), t.total, wait(t, 0), waits[1], waits[2], waits[3] }) do
    answer[#answer + 1] = value
  end
end
answer[2] = admitted
return answer
