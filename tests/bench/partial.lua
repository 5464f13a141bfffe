--- Values of a JSON text that is still coming: what it costs to feed each delta of 20 bytes to a reader and to ask for the value behind
--- each, against the plain stream's cost of an event; and that a delta costs the same when the text has twice the size. Beside it, what
--- lua-cjson takes to read a prefix of the text, closed as a program closes it.
--
-- usage: lua partial.lua [megabytes]      prints a line a row: name|seen|ratio
local cjson = require "cjson"
local core = require "opengatellm.core"
local chunks = require "bench.chunks"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local MEGABYTES = tonumber(arg[1]) or 10
local DELTA, EVENTS, TURNS = 20, 40000, 5

local WORDS = "é: a model writes a sentence of some words and goes on for a while, until the two hundred bytes of this text are "
  .. "reached, which a program shows as they come, word by word, in its window."

-- An object whose list has items with texts of up to 200 bytes.
local function object_of(bytes)
  local items, size = {}, 0
  while size < bytes do
    local i = #items + 1
    local words = WORDS:sub(1, 60 + i * 37 % 137)
    items[i] = ('{"id":%d,"name":"item %d","text":"%s","score":0.%d,"tags":["a","b"],"done":false}'):format(i, i, words, i)
    size = size + #items[i] + 1
  end
  return '{"items":[' .. table.concat(items, ",") .. "]}"
end

local function text_of(bytes) return '{"text":"' .. WORDS:rep(math.ceil(bytes / #WORDS)) .. '"}' end

local function deltas_of(text)
  local list = {}
  for at = 1, #text, DELTA do list[#list + 1] = text:sub(at, at + DELTA - 1) end
  return list
end

local function seconds(run)
  collectgarbage()
  collectgarbage()
  local start = os.clock()
  local n = run()
  return (os.clock() - start) / n
end

-- The middle of several turns of each, by turns: seconds a step.
local function middles(...)
  local runs, times = { ... }, {}
  for i = 1, #runs do times[i] = {} end
  for turn = 1, TURNS do
    for i, run in ipairs(runs) do times[i][turn] = seconds(run) end
  end
  for i = 1, #runs do times[i] = chunks.median(times[i]) end
  return (table.unpack or unpack)(times)
end

local stream_bytes = chunks.make(EVENTS)
local client = ogl.client {
  provider = "openai_compatible", base_url = "http://replay", model = "m",
  transport = replay.new { headers = { ["content-type"] = "text/event-stream" }, body = stream_bytes },
}

local function events()
  local n = 0
  for _ in assert(client:stream "hi"):events() do n = n + 1 end
  return n
end

local function values(deltas)
  return function()
    local reader = core.partial()
    for i = 1, #deltas do
      reader:feed(deltas[i])
      reader:value()
    end
    assert(reader:finish() and reader:complete())
    return #deltas
  end
end

-- Some prefixes of the text, closed behind `ending`, each read anew.
local function by_cjson(text, ending, close)
  local list = {}
  for at = 1, 20 do
    local _, to = text:sub(1, math.floor(#text * at / 21)):find(".*" .. ending)
    list[at] = text:sub(1, to) .. close
  end
  return function()
    for i = 1, #list do cjson.decode(list[i]) end
    return #list
  end
end

local function row(name, mine, unit, wanted)
  print(("%s|%.2f µs, %.2f µs|%.2f (%s)"):format(name, mine * 1e6, unit * 1e6, mine / unit, wanted))
end

local object, text = object_of(100000), text_of(100000)
local plain, of_object, of_text, cjson_object, cjson_text = middles(events, values(deltas_of(object)), values(deltas_of(text)),
  by_cjson(object, "}", "]}"), by_cjson(text, " ", '"}'))
row("a value at each delta of a 100 KB object, texts of up to 200 bytes, against a plain event", of_object, plain, "wanted: at most 2")
row("the same for one text of 100 KB", of_text, plain, "wanted: at most 5")
row("a prefix of that object read by lua-cjson, against its value", cjson_object, of_object, "–")
row("a prefix of that text read by lua-cjson, against its value", cjson_text, of_text, "–")
for _, size in ipairs { 1, MEGABYTES } do
  local small, large = values(deltas_of(object_of(size * 500000))), values(deltas_of(object_of(size * 1000000)))
  local half, whole = middles(small, large)
  row(("a delta of an object of %d MB, against one of half its size"):format(size), whole, half, "wanted: 1")
end
for _, size in ipairs { 1, MEGABYTES } do
  local small, large = values(deltas_of(text_of(size * 500000))), values(deltas_of(text_of(size * 1000000)))
  local half, whole = middles(small, large)
  row(("a delta of one text of %d MB, against one of half its size"):format(size), whole, half, "wanted: 1")
end
