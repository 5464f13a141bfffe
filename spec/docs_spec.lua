-- What is made of the operations' rows is what the rows say now.
describe("the documentation of the operations", function()
  it("is up to date", function()
    local status = os.execute(os.getenv "OGL_LUA" .. " docs/generate.lua --check")
    assert.is_true(status == true or status == 0, "make docs")
  end)

  it("is a page that names every operation, and types that load", function()
    local file = assert(io.open "docs/operations.md")
    local text = file:read "*a"
    file:close()
    for _, operation in ipairs(require "opengatellm.operations.registry".all()) do
      local call = require "opengatellm.operations.invocation".where(operation.name)
      assert.truthy(text:find("### `" .. call .. "(", 1, true), call)
    end
    assert(loadfile "lua/opengatellm/types.lua")
  end)
end)
