-- One target as the whole fleet calls it.  Every question is one run of this script, so no two callers ever see
-- the same slot; the time is the server's own, in milliseconds.
--
-- KEYS: 1 hash of the target's state, 2 sorted set of the concurrency slots (holder -> when its lease ends).
-- ARGV: 1 question, 2 rate cap (calls/s), 3 concurrency, 4 holder, 5 lease (ms), 6 pause asked for by the target (ms),
--       7 good answers the holder had since it last spoke; for `decide` an operator's decision, empty where there
--       is none: 8 rate cap, 9 concurrency, 10 "0" when the breaker is not watched, 11 "1" when nothing may be called.
-- Answers {word, milliseconds}; `state` has its own form.

local target, slots = KEYS[1], KEYS[2]
local question, holder, lease, pause, good = ARGV[1], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])

-- What an operator has decided goes before what the caller was configured with.
local decided = redis.call('HMGET', target, 'rate_decided', 'concurrency_decided', 'breaker_decided', 'pause_decided')
local cap, concurrency = tonumber(decided[1]) or tonumber(ARGV[2]), tonumber(decided[2]) or tonumber(ARGV[3])
local watched, paused = decided[3] ~= '0', decided[4] == '1'

local PATIENCE = 250         -- a start that would wait longer takes no slot
local LONGEST_BLOCK = 10000  -- a call inside a hop waits through a block of this length, not through a longer one
local AHEAD = 1000           -- no call takes a place further ahead: until then it may be paused, or the limit another
local PAUSE_RETRY = 30000    -- a hop that finds the target paused asks again after this, unless it is woken
local FULL_RETRY = 1000      -- a hop that finds no slot asks again after this
local PROBE_RETRY = 1000     -- and one that finds a probe under way
local CUT, CUT_EVERY, RECOVERY, FLOOR = 0.7, 1000, 0.02, 0.02
local STREAK, RATIO, RATIO_CALLS, RATIO_WINDOW = 5, 0.5, 20, 60000
local FIRST_PAUSE, LONGEST_PAUSE = 5000, 300000
local FORGET = 86400000

local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000

local function get(field)
  return tonumber(redis.call('HGET', target, field) or 0)
end

-- Answers are integers, and a wait rounded down would be a call too early.
local function answer(word, milliseconds)
  return {word, math.ceil(math.max(milliseconds, 0))}
end

-- Additive increase: 2 % of the cap per second since the last cut.
local function rate()
  local cut = get('rate')
  if cut == 0 then return cap end
  return math.min(cap, cut + RECOVERY * cap * (now - get('cut_at')) / 1000)
end

-- closed; open (and for how long); half_open (a probe may go); probing (it is under way)
local function breaker()
  local open_until = get('open_until')
  if not watched or open_until == 0 then return 'closed', 0 end
  if now < open_until then return 'open', open_until - now end
  if now < get('probe_until') then return 'probing', PROBE_RETRY end
  return 'half_open', 0
end

local function probes()
  return redis.call('HGET', target, 'probe') == holder
end

local function hold_slot()
  redis.call('ZADD', slots, now + lease, holder)
  redis.call('PEXPIRE', slots, FORGET)
  if probes() then redis.call('HSET', target, 'probe_until', now + lease) end
end

local function open(times, since)
  local length = math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ^ (times - 1))
  redis.call('HSET', target, 'open_until', now + length, 'openings', times)
  redis.call('HDEL', target, 'probe', 'probe_until', 'streak', 'streak_at', 'good', 'bad', 'window_at')
  return answer('opened', now - since)
end

-- A new minute starts a new count for the failure ratio.
local function count(outcome, times)
  if now - get('window_at') > RATIO_WINDOW then
    redis.call('HSET', target, 'window_at', now, 'good', 0, 'bad', 0)
  end
  redis.call('HINCRBY', target, outcome, times)
end

-- The target answered.  While the breaker is not closed only the probe's word counts.
local function answered(times)
  if times == 0 then return end
  if breaker() == 'closed' then
    count('good', times)
    redis.call('HDEL', target, 'streak', 'streak_at')
  elseif probes() then
    redis.call('HDEL', target, 'open_until', 'openings', 'probe', 'probe_until')
  end
end

local questions = {}

function questions.admit()
  if paused then return answer('paused', PAUSE_RETRY) end
  local block = get('blocked_until') - now
  if block > 0 then return answer('blocked', block) end
  local state, wait = breaker()
  if state == 'open' or state == 'probing' then return answer('open', wait) end
  redis.call('ZREMRANGEBYSCORE', slots, '-inf', now)
  if redis.call('ZCARD', slots) >= concurrency then return answer('full', FULL_RETRY) end
  local backlog = get('free_at') - now
  if backlog > PATIENCE then return answer('busy', backlog) end
  if state == 'half_open' then redis.call('HSET', target, 'probe', holder) end
  hold_slot()
  return answer(state == 'half_open' and 'probe' or 'admitted', 0)
end

-- GCRA with a burst of one: the call's place in time is taken now, the caller sleeps until it comes.  Where the place
-- is far ahead none is taken; `later` says when to ask again.
function questions.call()
  if paused then return answer('paused', PAUSE_RETRY) end
  local block = get('blocked_until') - now
  if block > LONGEST_BLOCK then return answer('blocked', block) end
  local state, wait = breaker()
  if state ~= 'closed' and not probes() then return answer('open', math.max(wait, PROBE_RETRY)) end
  hold_slot()
  local at = math.max(now, get('free_at'), get('blocked_until'))
  if at - now > AHEAD then return answer('later', AHEAD) end
  redis.call('HSET', target, 'free_at', at + 1000 / rate())
  return answer('go', at - now)
end

function questions.renew()
  hold_slot()
  return answer('held', lease)
end

function questions.release()
  redis.call('ZREM', slots, holder)
  if probes() then redis.call('HDEL', target, 'probe', 'probe_until') end
  return answer('released', 0)
end

-- The target is unwell.  `opened` says for how long the failures that opened the breaker had been going on.
function questions.bad()
  if breaker() ~= 'closed' then
    if probes() then return open(get('openings') + 1, now) end
    return answer('open', 0)
  end
  count('bad', 1)
  redis.call('HSETNX', target, 'streak_at', now)
  local streak = redis.call('HINCRBY', target, 'streak', 1)
  if not watched then return answer('closed', 0) end
  if streak >= STREAK then return open(1, get('streak_at')) end
  local bad, all = get('bad'), get('good') + get('bad')
  if all >= RATIO_CALLS and bad / all >= RATIO then return open(1, get('window_at')) end
  return answer('closed', 0)
end

-- The target said when to come back: everybody waits, and the rate is cut (at most once a second).
function questions.slow()
  redis.call('HSET', target, 'blocked_until', math.max(get('blocked_until'), now + pause))
  if now - get('cut_at') >= CUT_EVERY then
    redis.call('HSET', target, 'rate', math.max(FLOOR * cap, CUT * rate()), 'cut_at', now)
  end
  return answer('closed', 0)
end

-- With another limit, what was taken of the time ahead at the old rate is free again.
function questions.decide()
  if (decided[1] or '') ~= ARGV[8] then redis.call('HDEL', target, 'free_at') end
  redis.call('HSET', target, 'rate_decided', ARGV[8], 'concurrency_decided', ARGV[9], 'breaker_decided', ARGV[10],
    'pause_decided', ARGV[11])
  return answer('decided', 0)
end

function questions.state()
  local state, wait = breaker()
  local block = math.max(0, get('blocked_until') - now)
  local taken = redis.call('ZCOUNT', slots, '(' .. string.format('%.3f', now), '+inf')
  local function exact(number) return string.format('%.17g', number) end
  return {state, math.ceil(wait), math.ceil(block), exact(rate()), exact(cap), taken, concurrency, paused and 1 or 0}
end

answered(good)
local reply = questions[question]()
redis.call('PEXPIRE', target, FORGET)
return reply
