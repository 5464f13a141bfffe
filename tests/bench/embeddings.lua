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
  local times = {}
  for i = 1, 9 do
    collectgarbage()
    local start = os.clock()
    run(body)
    times[i] = (os.clock() - start) * 1000
  end
  return median(times)
end

check()
local ours = milliseconds(core.decode)
local packed = milliseconds(function(text) return core.decode(text, "embedding") end)
local theirs = milliseconds(cjson.decode)
print(string.format("%.2f %.2f %.2f %.3f %.3f", ours, packed, theirs, ours / theirs, packed / theirs))
