local output = require "opengatellm.llama.output"

local TOOLS = {
  f = true, get_weather = true, g = { parameters = { properties = { s = { type = { "string", "null" } }, n = { type = "integer" } } } },
}

-- The items of a text that comes in parts, as one line: T(text) R(reasoning) C(name arguments).
local function read(text, options, size)
  local reader, list = output.new(options), {}
  local function add(items)
    for _, item in ipairs(items) do
      local last = list[#list]
      if last and last.kind == item.kind and item.text then last.text = last.text .. item.text else list[#list + 1] = item end
    end
  end
  for at = 1, #text, size or #text do add(reader:feed(text:sub(at, at + (size or #text) - 1))) end
  add(reader:finish())
  local parts = {}
  for i, item in ipairs(list) do
    parts[i] = item.text and ("%s(%s)"):format(item.kind == "text" and "T" or "R", item.text) or ("C(%s %s)"):format(item.name, item.arguments)
  end
  return table.concat(parts)
end

-- { text, what it is with tools, what it is without (default: the same), whether the prompt has begun a thought }
local CASES = {
  { "", "" }, { "hi", "T(hi)" }, { " hi \n", "T( hi \n)" }, { "  ", "T(  )" }, { "a < b <think> c", "T(a < b <think> c)" }, { "<thin", "T(<thin)" },
  -- thoughts
  { "<think>\nhm\n</think>\n\nhi\n", "R(hm)T(hi\n)" }, { "<think>\n\n</think>\n\nhi", "T(hi)" }, { "\n <think>a</think>b", "R(a)T(b)" },
  { "hm\n</think>\nhi", "R(hm)T(hi)", nil, true }, { "hm [/THINK]hi", "R(hm)T(hi)", nil, true }, { "[THINK]a </think> b[/THINK]c", "R(a </think> b)T(c)" },
  { "<think>never ends ", "R(never ends)" }, { "<think>a</think><think>b", "R(a)T(<think>b)" }, { "a</think>", "T(a</think>)" },
  -- Hermes and Qwen
  { '<tool_call>\n{"name": "f", "arguments": {"x": 1}}\n</tool_call>', 'C(f {"x": 1})', 'T(<tool_call>\n{"name": "f", "arguments": {"x": 1}}\n</tool_call>)' },
  { 'I look.\n<tool_call>{"name":"f","arguments":{}}</tool_call>\n<tool_call>{"name":"g","arguments":{"b":1,"a":2}}</tool_call>\n', 'T(I look.)C(f {})C(g {"b":1,"a":2})', false },
  { '<tool_call>{"name":"f","arguments":{"x":"</tool_call>{\\"]"}}</tool_call>!', 'C(f {"x":"</tool_call>{\\"]"})T(!)', false },
  { '<tool_call>{"name":"f","arguments":"{\\"x\\":1}"}</tool_call>', 'C(f {"x":1})', false }, { '<tool_call>{"name":"f"}</tool_call>', "C(f {})", false },
  { '<tool_call>{"name":"f","arguments":{"x":1}}', 'C(f {"x":1})', false }, { '<tool_call>{"name":"f","arguments":{"x":1', 'T(<tool_call>{"name":"f","arguments":{"x":1)', false },
  { '<tool_call>{"name":"f","arguments":[1]}</tool_call>', 'T(<tool_call>{"name":"f","arguments":[1]}</tool_call>)', false },
  { '<tool_call>{"name":"f","arguments":{"x":1}} and </tool_call>', 'T(<tool_call>{"name":"f","arguments":{"x":1}} and </tool_call>)', false },
  { "<tool_call>none</tool_call> <tool_call>{\"name\":\"f\"}</tool_call>", "T(<tool_call>none</tool_call>)C(f {})", false }, { '<tool_call>{"name":5}</tool_call>',
    'T(<tool_call>{"name":5}</tool_call>)', false },
  { '<tool_call>{"name":"f"}}</tool_call>', 'T(<tool_call>{"name":"f"}}</tool_call>)', false }, { "a <tool_cal", "T(a <tool_cal)", false },
  { '<think>a <tool_call></think>{"name": "f", "parameters": {"x": 1}}', 'R(a <tool_call>)C(f {"x": 1})', false },
  -- Qwen's later models
  { "<tool_call>\n<function=f>\n<parameter=x>\n1\n</parameter>\n<parameter=s>\na\n\"b\"\n</parameter>\n</function>\n</tool_call>", 'C(f {"x": 1, "s": "a\\n\\"b\\""})', false },
  { "<tool_call><function=get_weather></function></tool_call>!", "C(get_weather {})T(!)", false },
  { "<tool_call><function=g><parameter=n>5</parameter><parameter=s>5</parameter><parameter=o>{\"a\": 1}</parameter></function></tool_call>",
    'C(g {"n": 5, "s": "5", "o": {"a": 1}})', false },
  { "<tool_call>\n<function=f>\n<parameter=x>\n1\n</param", "T(<tool_call>\n<function=f>\n<parameter=x>\n1\n</param)", false },
  { "<tool_call>\n<function=f>\nwords", "T(<tool_call>\n<function=f>\nwords)", false }, { "<tool_call><func", "T(<tool_call><func)", false },
  -- Llama 3
  { '{"name": "f", "parameters": {"x": 1}}', 'C(f {"x": 1})', 'T({"name": "f", "parameters": {"x": 1}})' },
  { '<|python_tag|>{"name": "f", "parameters": {"x": 1}}', 'C(f {"x": 1})', false }, { '<|python_tag|>print(1)', "T(<|python_tag|>print(1))", false },
  { '{"type": "function", "name": "f", "parameters": {}}; {"name": "get_weather", "parameters": {"a": "}"}}\n', 'C(f {})C(get_weather {"a": "}"})', false },
  { '{"name": "unknown", "parameters": {}}', 'T({"name": "unknown", "parameters": {}})' }, { '{"answer": 5}', 'T({"answer": 5})' }, { '{"name": "f", "parameters": {"x"',
    'T({"name": "f", "parameters": {"x")' },
  { '{"name": "f", "parameters": {}} {"name": "f", "para', 'C(f {})T({"name": "f", "para)', false }, { '{"name": "f", "parameters": {}} is the call', "C(f {})T(is the call)",
    false },
  { 'So: {"name": "f", "parameters": {}}', 'T(So: {"name": "f", "parameters": {}})' }, { " {", "T( {)" }, { "{}", "T({})" }, { '{"nam', 'T({"nam)' }, { '[{"name": "f"}]',
    'T([{"name": "f"}])' },
  -- Mistral
  { '[TOOL_CALLS] [{"name": "f", "arguments": {"b": 1, "a": "]"}}, {"name": "g", "arguments": {}}]', 'C(f {"b": 1, "a": "]"})C(g {})', false },
  { '[TOOL_CALLS]f[ARGS]{"x": 1}[TOOL_CALLS]g{"y": 2}', 'C(f {"x": 1})C(g {"y": 2})', false }, { '[TOOL_CALLS]f[CALL_ID]123456789[ARGS]{"x": 1}', 'C(f {"x": 1})', false },
  { "[TOOL_CALLS]f[ARGS]{", "T([TOOL_CALLS]f[ARGS]{)", false }, { '[TOOL_CALLS] [{"name": "f"', 'T([TOOL_CALLS] [{"name": "f")', false }, { "[TOOL_CALLS]f says hi",
    "T([TOOL_CALLS]f says hi)", false },
  { "[TOOL_CALLS] []", "T([TOOL_CALLS] [])", false }, { "[TOOL", "T([TOOL)", false }, { '[TOOL_CALLS]f[ARGS][1]', "T([TOOL_CALLS]f[ARGS][1])", false },
}

describe("the output of a model", function()
  for _, case in ipairs(CASES) do
    local text, with_tools, without = case[1], case[2], case[3]
    if without == nil then without = with_tools end
    it("is read at every split: " .. text:gsub("\n", " "), function()
      for _, size in ipairs { 1, 2, 3, 5, 7, #text > 0 and #text or 1 } do
        assert.equal(with_tools, read(text, { tools = TOOLS, thinking = case[4] }, size))
        if without then assert.equal(without, read(text, { thinking = case[4] }, size)) end
      end
      for at = 1, #text do
        local reader = output.new { tools = TOOLS, thinking = case[4] }
        reader:feed(text:sub(1, at))
        reader:feed(text:sub(at + 1))
        reader:finish()
      end
    end)
  end

  it("loses nothing of what is no call", function()
    local pieces = { "<tool_call>", "</tool_call>", '{"name":', '"f"', "}", "{", "[TOOL_CALLS]", "[ARGS]", "f", "<|python_tag|>", '"', "\\", "]", "x", ";" }
    local state = 7
    local function pick()
      state = state * 16807 % 2147483647
      return pieces[state % #pieces + 1]
    end
    for _ = 1, 2000 do
      local parts = {}
      for i = 1, 10 do parts[i] = pick() end
      local text = table.concat(parts)
      local whole = read(text, { tools = TOOLS })
      assert.equal(whole, read(text, { tools = TOOLS }, 1), text)
      if not whole:find "C%(" then assert.equal("T(" .. text .. ")", whole) end
    end
  end)

  it("gives text as soon as it can be no mark", function()
    local reader = output.new { tools = TOOLS }
    assert.same({ { kind = "text", text = "a" } }, reader:feed "a <too")
    assert.same({ { kind = "text", text = " <tools" } }, reader:feed "ls")
    assert.same({}, reader:feed "<tool_call>")
  end)

  it("gives a call once it is whole, and waits for no more than a bound", function()
    local reader = output.new { tools = TOOLS }
    assert.same({}, reader:feed '<tool_call>{"name":"f"}')
    assert.same({ { kind = "tool_call", name = "f", arguments = "{}" } }, reader:feed "</tool_call>")
    assert.same({}, reader:feed '<tool_call>{"name":"f","arguments":{"x":"')
    local items = reader:feed(("x"):rep(output.LONGEST))
    assert.equal("text", items[1].kind)
    assert.equal(output.LONGEST + #'<tool_call>{"name":"f","arguments":{"x":"', #items[1].text)
  end)
end)
