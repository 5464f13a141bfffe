-- How long a model stays loaded, in the forms that Ollama's clients send.
local keep_alive = require "opengatellm.protocol.ollama_keep_alive"

describe("keep_alive", function()
  local ROWS = { -- value, seconds
    { 0, 0 }, { 300, 300 }, { 1.5, 1.5 }, { -1, math.huge }, { "0", 0 }, { "0s", 0 }, { "-0s", 0 }, { "5m", 300 }, { "+5m", 300 }, { "1h30m", 5400 },
    { "1.5h", 5400 }, { ".5s", 0.5 }, { "-1m", math.huge }, { "24h", 86400 }, { "500ms", 0.5 }, { "3600s", 3600 },
    { "", nil }, { "5", nil }, { "m", nil }, { "5x", nil }, { "5m ", nil }, { "5m3", nil }, { "-", nil }, { "1..5s", nil }, { "nan", nil }, { ".s", nil },
  }
  for _, row in ipairs(ROWS) do
    it(("of %q"):format(tostring(row[1])), function() assert.equal(row[2], keep_alive.seconds(row[1])) end)
  end

  it("takes both characters that look like a mu", function()
    for _, unit in ipairs { "us", "µs", "μs" } do assert.is_true(math.abs(keep_alive.seconds("5" .. unit) - 5e-6) < 1e-12) end
  end)
end)
