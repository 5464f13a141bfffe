local text = require "opengatellm.jinja.text"

local A = text.foreign "ab"

-- A text with its foreign bytes in brackets.
local function shown(value)
  local parts = {}
  for i, run in ipairs(text.runs(value)) do parts[i] = run.foreign and "[" .. run.text .. "]" or run.text end
  return table.concat(parts)
end

describe("a text", function()
  it("is a plain string as long as nothing of it is foreign", function()
    assert.equal("xy", text.join { "x", "y" })
    assert.equal("", text.foreign "")
    assert.equal("x", text.sub(text.join { "x", A }, 1, 1))
  end)

  it("keeps what is foreign through every operation", function()
    local mixed = text.join({ "x", A, "y" }, "-")
    assert.equal("x-[ab]-y", shown(mixed))
    assert.equal("[b]-", shown(text.sub(mixed, 4, 5)))
    assert.equal("[abab]", shown(text.rep(A, 2)))
    assert.equal("x[ab]y[ab]z", shown(text.join({ "x", "y", "z" }, A)))
    assert.equal("X-[<a>b]-y", shown(text.map(mixed, "%w", { x = "X", a = "<a>" })))
    assert.equal("x--y", text.map(mixed, "%l%l", { ab = "" }))
    assert.equal("&lt;[&lt;]", shown(text.escaped(text.join { "<", text.foreign "<" })))
  end)

  it("is found by its bytes", function()
    assert.same({ 2, 3 }, { text.find(text.join { "x", A }, "ab") })
    assert.is_nil(text.find(A, text.foreign "c"))
  end)

  it("escapes what is added to it once it is safe", function()
    assert.equal("<&lt;", text.bytes(text.sum(text.safe "<", "<")))
    assert.equal("<<", text.bytes(text.sum("<", "<")))
  end)
end)
