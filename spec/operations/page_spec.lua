local errors = require "opengatellm.errors"
local page = require "opengatellm.operations.page"

-- A list of `count` items; what it is asked is kept.
local function list_of(count, whole)
  local asked = {}
  return function(options)
    asked[#asked + 1] = { options.offset, options.limit, options.name }
    local found = setmetatable({}, { __index = { total = whole and count or nil, limit = options.limit } })
    for i = options.offset + 1, math.min(options.offset + options.limit, count) do found[#found + 1] = { id = i } end
    return found
  end, asked
end

local function ids(list, options)
  local found = {}
  for item in page.each(list, options) do found[#found + 1] = item.id end
  return found
end

describe("all pages of a list", function()
  it("are walked to the end, lazily", function()
    for _, case in ipairs { -- items, limit, whole, pages asked
      { 0, 3, false, 1 }, { 1, 3, false, 1 }, { 3, 3, false, 2 }, { 3, 3, true, 1 }, { 7, 3, false, 3 }, { 6, 3, true, 2 }, { 250, nil, true, 3 },
    } do
      local list, asked = list_of(case[1], case[3])
      local found = ids(list, { limit = case[2], name = "n" })
      assert.equal(case[1], #found)
      for i, id in ipairs(found) do assert.equal(i, id) end
      assert.equal(case[4], #asked)
      assert.same({ 0, case[2] or 100, "n" }, asked[1])
    end
    local list, asked = list_of(100, false)
    local iterate = page.each(list, { limit = 2 })
    assert.equal(0, #asked)
    iterate()
    iterate()
    assert.equal(1, #asked)
  end)

  it("begin where the options say", function() assert.same({ 4, 5 }, ids((list_of(5, true)), { offset = 3, limit = 1 })) end)

  it("end with the error that a page had", function()
    local err = errors.new { kind = "network", message = "gone" }
    local iterate = page.each(function() return nil, err end)
    local fine, raised = pcall(iterate)
    assert.is_false(fine)
    assert.equal(err, raised)
  end)

  it("end where a server does not look at the offset", function()
    local iterate = page.each(function() return { { id = 1 }, { id = 2 } } end, { limit = 2 })
    iterate()
    iterate()
    local fine, raised = pcall(iterate)
    assert.is_false(fine)
    assert.equal("protocol", raised.kind)
  end)
end)
