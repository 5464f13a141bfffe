--- Transcoders, from memory: an answer in one protocol in, the same in another out, in reads of 16 KiB, on one core. Each against the
--- same done in Lua (by_hand.lua). In turn, median of 5.
--
-- usage: lua transcoders.lua [deltas]     prints a line a pair: from, to, MB/s of input, what Lua does of it
local by_hand = require "bench.by_hand"
local chunks = require "bench.chunks"
local core = require "opengatellm.core"
local streams = require "bench.streams"

local N = tonumber(arg[1]) or 200000
local READ = 16 * 1024

local inputs = {}
for _, protocol in ipairs(streams.names) do
  local bytes, reads = streams[protocol](N), {}
  for from = 1, #bytes, READ do reads[#reads + 1] = bytes:sub(from, from + READ - 1) end
  inputs[protocol] = { bytes = bytes, reads = reads }
end

local function ours(from, to)
  local t = core.transcoder(from, to, "stream", { id = "id1", model = "m", created = 1, content_type = streams.content_type(from) })
  local reads, size = inputs[from].reads, 0
  for i = 1, #reads do size = size + #assert(t:feed(reads[i])) end
  size = size + #assert(t:finish())
  assert(not t:problem() and size > N)
  t:close()
  return #inputs[from].bytes
end

local function in_lua(from, to)
  assert(by_hand.transcode(from, to, inputs[from].reads) > N)
  return #inputs[from].bytes
end

local function rate(run, ...)
  collectgarbage()
  collectgarbage()
  local start = os.clock()
  local bytes = run(...)
  return bytes / (os.clock() - start) / 1e6
end

for _, from in ipairs(streams.names) do
  for _, to in ipairs(streams.names) do
    local seen, lua = {}, {}
    for i = 1, 5 do seen[i], lua[i] = rate(ours, from, to), i <= 3 and rate(in_lua, from, to) or nil end
    print(("%s %s %.0f %.1f"):format(from, to, chunks.median(seen), chunks.median(lua)))
  end
end
