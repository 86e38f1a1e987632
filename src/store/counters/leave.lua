-- A request leaves: its places are free, its tokens settled. A second call changes nothing.
-- KEYS as in enter.lua. ARGV: request id, second it was counted in, tokens reserved, tokens used
-- (-1: it never began, and everything is given back).
local MINUTE = 60
local now = tonumber(redis.call('TIME')[1])
local id, at, reserved, used = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local left = 0

local function give_back(key, amount)
  if amount > 0 and at > now - MINUTE and redis.call('HEXISTS', key, at) == 1 then
    if redis.call('HINCRBY', key, at, -amount) <= 0 then redis.call('HDEL', key, at) end
  end
end

for b = 1, #KEYS / 3 do
  local requests, tokens, inside = KEYS[3 * b - 2], KEYS[3 * b - 1], KEYS[3 * b]
  if redis.call('ZREM', inside, id) == 1 then
    left = left + 1
    if used < 0 then
      give_back(requests, 1)
      give_back(tokens, reserved)
    elseif used > reserved then
      redis.call('HINCRBY', tokens, now, used - reserved)
      redis.call('EXPIRE', tokens, 2 * MINUTE)
    else
      give_back(tokens, reserved - used)
    end
  end
end
return left
