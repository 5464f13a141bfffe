-- Files that are read whole.
local files = require "opengatellm.base.file"
local helper = require "spec.support.temporary"

describe("a file", function()
  it("is read with every byte of it", function()
    for _, bytes in ipairs { "", "a\r\n\0b", ("x"):rep(100000) } do assert.equal(bytes, (files.read(helper.write(bytes)))) end
  end)

  it("that is not there, or a folder, is none, and the system says why", function()
    assert.same({ nil, "No such file or directory" }, { files.read "/nowhere/at/all" })
    local bytes, why = files.read "/tmp"
    assert.is_nil(bytes)
    assert.equal("Is a directory", why)
  end)
end)
