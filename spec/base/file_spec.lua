-- Files: whether one is there, and what is in it.
local files = require "opengatellm.base.file"
local helper = require "spec.support.temporary"

describe("a file", function()
  it("is read with every byte of it", function()
    for _, bytes in ipairs { "", "a\r\n\0b", ("x"):rep(100000) } do
      local path = helper.write(bytes)
      assert.equal(bytes, (files.read(path)))
      assert.equal(bytes:sub(1, 3), (files.read(path, 3)))
      assert.is_true(files.exists(path))
    end
  end)

  it("that is not there, or a folder, is none, and the system says why", function()
    assert.same({ nil, "No such file or directory" }, { files.read "/nowhere/at/all" })
    assert.is_false(files.exists "/nowhere/at/all")
    for _, most in ipairs { false, 3 } do
      local bytes, why = files.read("/tmp", most or nil)
      assert.is_nil(bytes)
      assert.equal("Is a directory", why)
    end
  end)
end)
