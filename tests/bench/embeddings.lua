--- Decoding 64 embeddings of 1,024 floats of 22 digits: as tables and packed, against lua-cjson, in one run. Every number is compared with
--- tonumber's, which is strtod's.
--
-- prints: milliseconds ours, packed, lua-cjson; the two ratios
local cjson = require "cjson"
local core = require "opengatellm.core"
local median = require "bench.chunks".median

local VECTORS, FLOATS = 64, 1024
math.randomseed(7)

local function number()
  -- 17 significant digits, as Python's repr prints a double; 22 characters with sign, zero and point
  return string.format("%.19f", (math.random() - 0.5) / 8):sub(1, 22)
end

local texts, rows = {}, {}
for v = 1, VECTORS do
  local numbers = {}
  for i = 1, FLOATS do numbers[i] = number() end
  texts[v] = numbers
  rows[v] = '{"object":"embedding","index":' .. v - 1 .. ',"embedding":[' .. table.concat(numbers, ",") .. "]}"
end
local body = '{"object":"list","data":[' .. table.concat(rows, ",") .. '],"model":"bge-m3","usage":{"prompt_tokens":9,"total_tokens":9}}'

local function check()
  local list, packed = core.decode(body), core.decode(body, "embedding")
  for v = 1, VECTORS do
    local floats = core.floats(packed.data[v].embedding)
    for i = 1, FLOATS do
      local exact = tonumber(texts[v][i])
      assert(list.data[v].embedding[i] == exact, texts[v][i])
      assert(math.abs(floats[i] - exact) <= math.abs(exact) * 2 ^ -24, texts[v][i])
    end
  end
end

local function milliseconds(run)
  collectgarbage()
  local start = os.clock()
  run(body)
  return (os.clock() - start) * 1000
end

check()
local times = { {}, {}, {} } -- in turn, so that a disturbance falls on all three
for i = 1, 9 do
  times[1][i] = milliseconds(core.decode)
  times[2][i] = milliseconds(function(text) return core.decode(text, "embedding") end)
  times[3][i] = milliseconds(cjson.decode)
end
local ours, packed, theirs = median(times[1]), median(times[2]), median(times[3])
print(string.format("%.2f %.2f %.2f %.3f %.3f", ours, packed, theirs, ours / theirs, packed / theirs))
