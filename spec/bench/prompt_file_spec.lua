local helper = require "spec.helper"
local prompt_file = require "opengatellm.bench.prompt_file"

local function user(text) return { { role = "user", content = text } } end

describe("a file of prompts", function()
  it("has a text or an object on each line, and blank lines", function()
    local path = helper.write(table.concat({
      '"Bonjour !"', "", '{"prompt": "deux", "system": "Be brief.", "max_tokens": 50}\r', '{"text": "trois"}',
      '{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "quatre"}]}',
    }, "\n"))
    local list = assert(prompt_file.read(path))
    assert.equal(4, #list)
    assert.equal("Bonjour !", list[1].messages)
    assert.same({ messages = user "deux", system = "Be brief.", max_tokens = 50 }, list[2])
    assert.same(user "trois", list[3].messages)
    assert.equal("quatre", list[4].messages[2].content)
  end)

  it("is refused with the line that is wrong", function()
    for text, problem in pairs {
      ['"a"\n{"prompt":'] = "f:2: not JSON", ["3"] = "f:1: expected a text or an object", ["{}"] = "f:1: expected a member prompt",
      ['{"prompt": 3}'] = "f:1: expected a member prompt", ['\n\n{"messages": [{"role": "king", "content": "x"}]}'] = "f:3: ",
      ['{"prompt": "x", "max_tokens": "many"}'] = "f:1: max_tokens: expected integer", ["\n \n"] = "f: there is no prompt in it",
    } do
      local list, said = prompt_file.parse(text, "f")
      assert.is_nil(list, text)
      assert.equal(problem, said:sub(1, #problem))
      assert.is_nil(said:find "\n")
    end
  end)

  it("that cannot be read is told in one line", function()
    local list, problem = prompt_file.read "/nowhere.jsonl"
    assert.same({ nil, "/nowhere.jsonl: No such file or directory" }, { list, problem })
    list, problem = prompt_file.read(helper.directory())
    assert.is_nil(list)
    assert.matches("Is a directory", problem)
  end)
end)
