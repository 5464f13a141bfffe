local message = require "opengatellm.request.message"
local prompts = require "opengatellm.bench.prompts"
local request = require "opengatellm.request"
local synthetic = require "opengatellm.bench.synthetic"

local function source(options)
  options.seed = options.seed or 1
  options.list = options.list or not options.synthetic and { { messages = "one" }, { messages = "two" }, { messages = "three" } } or nil
  return prompts.new(options)
end

-- The texts of the first n requests.
local function texts(options, n)
  local from, list = source(options), {}
  for number = 1, n do
    local asked = from:request(number)
    assert.is_nil(request.check(asked))
    list[number] = asked.messages[1].content
  end
  return list
end

describe("prompts", function()
  it("of a list come one after the other, or by lot", function()
    assert.same({ "one", "two", "three", "one", "two" }, texts({}, 5))
    local drawn, seen = texts({ by_lot = true }, 60), {}
    assert.same(drawn, texts({ by_lot = true }, 60))
    assert.are_not.same(drawn, texts({ by_lot = true, seed = 2 }, 60))
    for _, text in ipairs(drawn) do seen[text] = (seen[text] or 0) + 1 end
    assert.is_true(seen.one > 5 and seen.two > 5 and seen.three > 5)
  end)

  it("are made where they are synthetic", function()
    local of = synthetic.new { seed = 1, least = 40, most = 40 }
    assert.same({ of:of(1), of:of(2) }, texts({ synthetic = of }, 2))
  end)

  it("have a line of their own where no cache may answer, and the list stays as it is", function()
    local list = { { messages = { message.system "be brief", message.user "hi" } }, { messages = { message.user(message.image { data = "x" }) } } }
    local from = source { unique = true, list = list, seed = 9 }
    assert.same({ "[9.1]\nbe brief", "hi" }, { from:request(1).messages[1].content, from:request(1).messages[2].content })
    assert.equal("[9.2]\n", from:request(2).messages[1].content[1])
    assert.same({ "be brief", 1 }, { list[1].messages[1].content, #list[2].messages[1].content })
  end)

  it("have a picture each, by turns", function()
    local from = source { images = { "a.png", "b.png" } }
    for number, path in ipairs { "a.png", "b.png", "a.png" } do
      local content = from:request(number).messages[1].content
      assert.same({ "image", path }, { content[2].type, content[2].path })
    end
    assert.equal("one", from:request(1).messages[1].content[1])
    local said = source { images = { "a.png" }, list = { { messages = { message.system "s" } } } }:request(1)
    assert.same({ "user", "a.png" }, { said.messages[2].role, said.messages[2].content[1].path })
  end)

  it("have the fields of every request, below those of their own", function()
    local asked = source({
      list = { { messages = "one", system = "own", max_tokens = 7 } }, output = { least = 50, most = 60 },
      fields = { system = "common", temperature = 0, keep = false },
    }):request(1)
    assert.same({ "own", 7, 0, false }, { asked.system, asked.max_tokens, asked.temperature, asked.keep })
    local seen = {}
    local from = source { output = { least = 50, most = 52 } }
    for number = 1, 50 do seen[from:request(number).max_tokens] = true end
    assert.same({ [50] = true, [51] = true, [52] = true }, seen)
  end)
end)
