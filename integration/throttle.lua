-- One target as the whole fleet calls it.  Every question is one run of this script, so no two callers ever see
-- the same slot; the time is the server's own, in milliseconds.
--
-- KEYS: 1 hash of the target's state, 2 sorted set of the concurrency slots (holder -> when its lease ends).
-- ARGV: 1 question, 2 rate cap (calls/s), 3 concurrency, 4 holder, 5 lease (ms), 6 pause asked for by the target (ms),
--       7 good answers the holder had since it last spoke, 8 slots that it wants or has, 9 places in the rate that it
--       wants or gives back; for `decide` an operator's decision, empty where there is none: 10 rate cap,
--       11 concurrency, 12 "0" when the breaker is not watched, 13 "1" when nothing may be called.
-- Answers {word, milliseconds, slots, places, milliseconds between places}; `state` has its own form.

local target, slots = KEYS[1], KEYS[2]
local question, holder, lease, pause, good = ARGV[1], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local wanted_slots, places = tonumber(ARGV[8]), tonumber(ARGV[9])

-- What an operator has decided goes before what the caller was configured with.
local decided = redis.call('HMGET', target, 'rate_decided', 'concurrency_decided', 'breaker_decided', 'pause_decided')
local cap, concurrency = tonumber(decided[1]) or tonumber(ARGV[2]), tonumber(decided[2]) or tonumber(ARGV[3])
local watched, paused = decided[3] ~= '0', decided[4] == '1'

local PATIENCE = 250         -- a start that would wait longer takes no slot
local LONGEST_BLOCK = 10000  -- a call inside a hop waits through a block of this length, not through a longer one
local NEAR = 100            -- places that a hop takes before it needs them come within this
local AHEAD = 1000           -- no call takes a place further ahead: until then it may be paused, or the limit another
local PAUSE_RETRY = 30000    -- a hop that finds the target paused asks again after this, unless it is woken
local FULL_RETRY = 1000      -- a hop that finds no slot asks again after this
local ALONE_RETRY = 50       -- a call that has to be the only one of its kind asks again after this
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
  return {word, math.ceil(math.max(milliseconds, 0)), 0, 0, '0'}
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

local function is_alone()
  return redis.call('HGET', target, 'alone') == holder
end

local function hold_slots(number)
  for slot = 1, number do redis.call('ZADD', slots, now + lease, holder .. ':' .. slot) end
  redis.call('PEXPIRE', slots, FORGET)
  if probes() then redis.call('HSET', target, 'probe_until', now + lease) end
  if is_alone() then redis.call('HSET', target, 'alone_until', now + lease) end
end

-- How many of the slots that are free one hop may take: half of them, so that others who come now find some.
local function half_of_free()
  redis.call('ZREMRANGEBYSCORE', slots, '-inf', now)
  return math.ceil(math.max(concurrency - redis.call('ZCARD', slots), 0) / 2)
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

-- GCRA with a burst of one: places in time are taken now, the caller sleeps until they come.
local function take(word, granted, taken)
  local at, between = math.max(now, get('free_at'), get('blocked_until')), 1000 / rate()
  redis.call('HSET', target, 'free_at', at + taken * between)
  local reply = answer(word, at - now)
  reply[3], reply[4], reply[5] = granted, string.format('%.17g', taken), string.format('%.17g', between)
  return reply
end

-- Of the places that are wanted those that are near, and one in any case.
function questions.admit()
  if paused then return answer('paused', PAUSE_RETRY) end
  local block = get('blocked_until') - now
  if block > 0 then return answer('blocked', block) end
  local state, wait = breaker()
  if state == 'open' or state == 'probing' then return answer('open', wait) end
  local free = half_of_free()
  if free == 0 then return answer('full', FULL_RETRY) end
  local backlog = get('free_at') - now
  if backlog > PATIENCE then return answer('busy', backlog) end
  if state == 'half_open' then
    redis.call('HSET', target, 'probe', holder)
    hold_slots(1)
    return take('probe', 1, 1)
  end
  local granted = math.min(wanted_slots, free)
  hold_slots(granted)
  local near = math.floor((NEAR - math.max(backlog, 0)) * rate() / 1000)
  return take('admitted', granted, math.max(1, math.min(places, near)))
end

-- One more call of a hop inside.  Where the next place is far ahead none is taken; `later` says when to ask again.
-- One that has its place already takes none: it asks only whether it may still go.
function questions.call()
  if paused then return answer('paused', PAUSE_RETRY) end
  local block = get('blocked_until') - now
  if block > LONGEST_BLOCK then return answer('blocked', block) end
  local state, wait = breaker()
  if state ~= 'closed' and not probes() then return answer('open', math.max(wait, PROBE_RETRY)) end
  hold_slots(wanted_slots)
  if places == 0 then return answer('go', block) end
  local ahead = math.max(now, get('free_at'), get('blocked_until')) - now
  if ahead > AHEAD then return answer('later', math.min(ahead - AHEAD / 2, AHEAD)) end
  return take('go', wanted_slots, places)
end

-- A hop inside needs another number of slots than it has; one that tests whether the target works again gets no more.
function questions.resize()
  local more, held = breaker() == 'closed' and half_of_free() or 0, 0
  while redis.call('ZREM', slots, holder .. ':' .. held + 1) == 1 do held = held + 1 end
  local granted = math.max(1, math.min(wanted_slots, held + more))
  hold_slots(granted)
  local reply = answer('held', lease)
  reply[3] = granted
  return reply
end

-- A call that has to be the only one of its kind is so until `joined`, or until nobody has heard of its holder for a
-- lease.  Whoever waits holds its slots meanwhile, so it refuses what would refuse the call.
function questions.alone()
  if paused then return answer('paused', PAUSE_RETRY) end
  hold_slots(wanted_slots)
  if now < get('alone_until') and not is_alone() then return answer('later', ALONE_RETRY) end
  redis.call('HSET', target, 'alone', holder, 'alone_until', now + lease)
  return answer('go', 0)
end

function questions.joined()
  if is_alone() then redis.call('HDEL', target, 'alone', 'alone_until') end
  return answer('joined', 0)
end

function questions.renew()
  hold_slots(wanted_slots)
  return answer('held', lease)
end

-- Places that have not come yet, and are not needed, are free for others.
function questions.release()
  for slot = 1, wanted_slots do redis.call('ZREM', slots, holder .. ':' .. slot) end
  if places > 0 then redis.call('HSET', target, 'free_at', get('free_at') - places * 1000 / rate()) end
  if probes() then redis.call('HDEL', target, 'probe', 'probe_until') end
  if is_alone() then redis.call('HDEL', target, 'alone', 'alone_until') end
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
  if (decided[1] or '') ~= ARGV[10] then redis.call('HDEL', target, 'free_at') end
  redis.call('HSET', target, 'rate_decided', ARGV[10], 'concurrency_decided', ARGV[11], 'breaker_decided', ARGV[12],
    'pause_decided', ARGV[13])
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
