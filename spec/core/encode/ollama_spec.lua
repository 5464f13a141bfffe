-- What is written as ollama.
local encoding = require "spec.support.encoding"
local json = require "opengatellm.json"

local encode = encoding.encode

describe("ollama out", function()
  it("has the time, and one object a line", function()
    local bytes = encode("ollama", "stream", {
      { type = "tool_call_end", name = "f", arguments = '{"a":\n1}', index = 1 }, { type = "finish", reason = "tool_calls" },
    }, { created = 1709210096 }) -- a leap day
    local lines = {}
    for line in bytes:gmatch "[^\n]+" do lines[#lines + 1] = json.decode(line) end
    assert.equal(2, #lines)
    assert.equal("2024-02-29T12:34:56Z", lines[1].created_at)
    assert.same({ a = 1 }, lines[1].message.tool_calls[1]["function"].arguments)
    assert.same({ true, "stop" }, { lines[2].done, lines[2].done_reason })
  end)
end)
