-- The keys of tables, in order.
local keys = require "opengatellm.base.keys"

describe("sorted keys", function()
  it("are all keys of a table, in the order of their bytes", function()
    assert.same({}, keys.sorted {})
    assert.same({ "B", "a", "a1", "b" }, keys.sorted { b = 1, a1 = false, a = 3, B = 0 })
  end)
end)
