--- What `require "opengatellm"` costs: milliseconds of CPU and KiB of Lua memory, in a fresh process.
collectgarbage()
collectgarbage()
local before, start = collectgarbage "count", os.clock()
require "opengatellm"
local took = os.clock() - start
collectgarbage()
collectgarbage()
print(string.format("%.2f %.0f", took * 1000, collectgarbage "count" - before))
