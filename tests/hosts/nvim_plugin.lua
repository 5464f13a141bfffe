-- The plugin of examples/nvim, as its user has it; spec/hosts/neovim_spec.lua has it run inside (hosts/nvim.lua).
local helper = require "spec.helper"

local vim = rawget(_G, "vim")

local SECONDS = 30 -- the end of a wait that hangs

local function wait_for(check) return vim.wait(SECONDS * 1000, check, 5) end

local function keys(text) vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(text, true, false, true), "mx", false) end

local function lines(buffer) return vim.api.nvim_buf_get_lines(buffer or 0, 0, -1, false) end

local function text_of(buffer) return table.concat(lines(buffer), "\n") end

local function asked_last() return helper.stats(nil, { block = true }).last_request end

-- The chat of a scenario of the fault server, or of another address.
local function set_up(scenario, options)
  local base = scenario:find "^http" and scenario or helper.fault(scenario)
  require("ogl_chat").setup(vim.tbl_extend("force", {
    model = "gpt-oss-120b", client = { base_url = base, api_key = helper.KEY, retries = { max = 0 }, proxy = "" },
  }, options or {}))
end

local function open(scenario, options)
  set_up(scenario, options)
  vim.cmd "OglChat!"
  return vim.api.nvim_get_current_buf()
end

-- Types a question and sends it.
local function ask(question) keys("GA" .. question .. "<Esc><CR>") end

-- How often a text stands in a buffer.
local function count(buffer, text)
  local n = 0
  for _, line in ipairs(lines(buffer)) do n = n + (line == text and 1 or 0) end
  return n
end

-- Waits until the n-th answer has come: the next prompt is there.
local function answered(buffer, n)
  assert.is_true(wait_for(function() return count(buffer, "## You") == n + 1 end), text_of(buffer))
end

local said, real_notify

describe("the plugin", function()
  setup(function() vim.opt.runtimepath:append(vim.fn.getcwd() .. "/examples/nvim") end)

  before_each(function()
    said, real_notify = {}, vim.notify
    vim.notify = function(message) table.insert(said, message) end
  end)
  after_each(function()
    vim.notify = real_notify
    vim.cmd "silent! only!"
    vim.cmd "silent! %bwipeout!"
  end)

  it("loads nothing before it is used", function()
    vim.cmd "runtime plugin/ogl_chat.lua"
    assert.equal(2, vim.fn.exists ":OglChat")
    assert.is_nil(package.loaded["ogl_chat"])
  end)

  it("opens a chat, sends what stands in the prompt, and writes the answer as it comes", function()
    local buffer, writes = open "slow:30", 0
    assert.equal("markdown", vim.bo.filetype)
    assert.equal("nofile", vim.bo.buftype)
    vim.api.nvim_buf_attach(buffer, false, { on_lines = function() writes = writes + 1 end })
    ask "Quelle heure est-il ?"
    answered(buffer, 1)
    assert.same({
      "## You", "", "Quelle heure est-il ?", "", "## gpt-oss-120b", "", helper.TEXT, "", "## You", "", "",
    }, lines(buffer))
    assert.is_true(writes > 5, writes)
    assert.is_false(vim.bo.modified and vim.bo.buftype == "")
    assert.same({}, said)
  end)

  it("sends what has been said before, with the system prompt", function()
    local buffer = open("ok", { system = "Sois bref." })
    ask "Un"
    answered(buffer, 1)
    ask "Deux"
    answered(buffer, 2)
    local messages = helper.decode(asked_last().body).messages
    assert.same({ "system", "user", "assistant", "user" }, vim.tbl_map(function(message) return message.role end, messages))
    assert.equal(helper.TEXT, messages[3].content)
    assert.equal("Deux", messages[4].content)
  end)

  it("takes one undo for one answer", function()
    local buffer = open "slow:40"
    ask "Bonjour"
    for _, word in ipairs { "Bonjour !", "coûte", "donné" } do
      assert.is_true(wait_for(function() return text_of(buffer):find(word, 1, true) end))
      vim.cmd "let &g:undolevels = &g:undolevels" -- as a key does
    end
    answered(buffer, 1)
    vim.cmd "undo"
    assert.same({ "## You", "", "Bonjour" }, lines(buffer))
  end)

  it("follows in a window that looks at the end, and leaves another one where it is", function()
    local buffer = open "slow:20"
    ask "Bonjour"
    vim.cmd "split"
    local other = vim.api.nvim_get_current_win()
    vim.api.nvim_win_set_cursor(other, { 1, 0 })
    answered(buffer, 1)
    for _, window in ipairs(vim.fn.win_findbuf(buffer)) do
      local line = vim.api.nvim_win_get_cursor(window)[1]
      assert.equal(window == other and 1 or #lines(buffer), line)
    end
  end)

  it("cancels with <Esc>: the connection is closed, and what came stays", function()
    local buffer = open "stall_mid_stream:3"
    ask "Bonjour"
    assert.is_true(wait_for(function() return text_of(buffer):find("## gpt-oss-120b\n\nBonjour", 1, true) end))
    assert.equal(1, helper.stats(nil, { block = true }).open)
    keys "<Esc>"
    answered(buffer, 1)
    assert.is_true(wait_for(function() return helper.stats(nil, { block = true }).open == 0 end))
    assert.truthy(text_of(buffer):find("Bonjour[^\n]*\n\n> %*cancelled%*\n\n## You"))
    assert.same({}, said)
    set_up "ok"
    ask "Encore"
    answered(buffer, 2)
    assert.equal(3, #helper.decode(asked_last().body).messages) -- what came went with it
  end)

  it("cancels when its buffer is wiped out", function()
    local buffer = open "stall_mid_stream:3"
    ask "Bonjour"
    -- the answer has begun: a connection that the case before has kept would be counted, too
    assert.is_true(wait_for(function() return text_of(buffer):find("## gpt-oss-120b\n\nBonjour", 1, true) end))
    vim.cmd "bwipeout!"
    assert.is_true(wait_for(function() return helper.stats(nil, { block = true }).open == 0 end))
    assert.same({}, said)
  end)

  it("says in words what went wrong, in the buffer and by vim.notify, and never the key", function()
    for _, scenario in ipairs { "status:429", "status_html:502", "reset_mid_stream:3", "http://127.0.0.1:1" } do
      local before = #said
      local buffer = open(scenario)
      ask "Bonjour"
      answered(buffer, 1)
      assert.truthy(text_of(buffer):find("\n> **error:** ", 1, true), text_of(buffer))
      assert.equal(before + 1, #said)
      assert.is_nil((text_of(buffer) .. said[#said]):find(helper.KEY, 1, true))
    end
  end)

  it("can be asked again after a buffer that took no text", function()
    local buffer = open "slow:20"
    ask "Bonjour"
    vim.bo.modifiable = false
    assert.is_true(wait_for(function() return said[1] end))
    assert.truthy(said[1]:find("modifiable", 1, true), said[1])
    vim.bo.modifiable = true
    keys "Go<CR>## You<CR>Encore<Esc><CR>"
    answered(buffer, 2)
    assert.equal(1, #said)
  end)

  it("has the model chosen among those that talk, while the editor goes on", function()
    set_up(helper.ogl(), { model = nil })
    local offered, real = nil, vim.ui.select
    vim.ui.select = function(items, _, chosen)
      offered = items
      chosen "mistral-small"
    end
    vim.cmd "OglModel"
    assert.is_nil(offered) -- it did not wait
    assert.is_true(wait_for(function() return offered end))
    vim.ui.select = real
    assert.same({ "gpt-oss-120b", "mistral-small", "ministral-3-8b-instruct-2512" }, offered)
    vim.cmd "OglChat!"
    local buffer = vim.api.nvim_get_current_buf()
    ask "Bonjour"
    answered(buffer, 1)
    assert.equal(1, count(buffer, "## mistral-small"))
  end)

  it("asks about the lines of a range", function()
    set_up "ok"
    vim.cmd "OglChat!"
    vim.cmd "tabnew"
    vim.api.nvim_buf_set_lines(0, 0, -1, false, { "local a = 1", "local b = 2", "local c = 3" })
    vim.bo.filetype = "lua"
    keys "ggVj:OglAsk Que fait ceci ?<CR>"
    answered(vim.api.nvim_get_current_buf(), 1)
    local messages = helper.decode(asked_last().body).messages
    assert.equal("Que fait ceci ?\n\n```lua\nlocal a = 1\nlocal b = 2\n```", messages[#messages].content)
  end)

  describe("with tools", function()
    local real, asked

    before_each(function()
      real, asked = vim.ui.select, {}
      vim.ui.select = function(_, options, chosen) table.insert(asked, { prompt = options.prompt, chosen = chosen }) end
      local file = vim.api.nvim_create_buf(true, false)
      vim.api.nvim_buf_set_name(file, "Paris") -- what the scripted model asks for
      vim.api.nvim_buf_set_lines(file, 0, -1, false, { "local a = 1", "local b = 2" })
    end)
    after_each(function() vim.ui.select = real end)

    local function open_with_tools()
      local buffer = open(helper.ogl(), { tools = true, client = { base_url = helper.ogl(), api_key = "sk-demo", proxy = "" } })
      ask "Lis."
      assert.is_true(wait_for(function() return asked[1] end), text_of(buffer))
      return buffer
    end

    it("reads a file when the user has agreed, and remembers", function()
      local buffer = open_with_tools()
      assert.equal('ogl: read_file {"path": "Paris"}?', asked[1].prompt)
      ask "Encore"
      assert.same({ "ogl: an answer is coming; cancel it first" }, said)
      keys "u"
      asked[1].chosen "always"
      answered(buffer, 1)
      assert.truthy(text_of(buffer):find("> read_file: success\n\nL'outil a répondu : local a = 1", 1, true), text_of(buffer))
      ask "Encore"
      answered(buffer, 2)
      assert.equal(1, #asked)
    end)

    it("tells the model that the user said no, and may be cancelled while it asks", function()
      local buffer = open_with_tools()
      asked[1].chosen "no"
      answered(buffer, 1)
      assert.truthy(text_of(buffer):find("denied: the user said no", 1, true), text_of(buffer))
      ask "Lis."
      assert.is_true(wait_for(function() return asked[2] end), text_of(buffer))
      keys "<Esc>"
      answered(buffer, 2)
      asked[2].chosen "yes"
      assert.equal(2, count(buffer, "> read_file: denied") + count(buffer, "> *cancelled*"))
      assert.is_nil(text_of(buffer):find("local a", 1, true))
    end)

    it("edits a buffer where the old text stands once", function()
      local edit = require("ogl_chat.tools").list(require "opengatellm")[2].run
      assert.truthy(edit { path = "Paris", old = "1\nlocal b", new = "3\nlocal x = 0\nlocal b" })
      assert.same({ "local a = 3", "local x = 0", "local b = 2" }, lines(vim.fn.bufnr "Paris"))
      assert.matches("more than once", (select(2, edit { path = "Paris", old = "local", new = "" })))
      assert.matches("does not stand", (select(2, edit { path = "Paris", old = "nothing", new = "" })))
      assert.matches("no file", (select(2, edit { path = "nowhere", old = "a", new = "b" })))
    end)
  end)

  it("refuses an option that does not exist", function()
    assert.has_error(function() require("ogl_chat").setup { modle = "x" } end, "ogl_chat.setup: there is no option 'modle'")
  end)
end)

describe(":OglReview", function()
  before_each(function()
    said, real_notify = {}, vim.notify
    vim.notify = function(message) table.insert(said, message) end
  end)
  after_each(function()
    vim.notify = real_notify
    vim.cmd "silent! cclose"
    vim.fn.setqflist({}, "f")
    vim.cmd "silent! only!"
    vim.cmd "silent! %bwipeout!"
  end)

  local function review(scenario, command)
    set_up(scenario)
    vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.fn["repeat"]({ "a line" }, 25))
    local buffer = vim.api.nvim_get_current_buf()
    vim.cmd(command or "OglReview")
    return buffer
  end

  local function problems()
    return vim.tbl_map(function(item) return { item.bufnr, item.lnum, item.text } end, vim.fn.getqflist())
  end

  it("fills a quickfix list while the model writes", function()
    local buffer, sizes = review "list:3:10", {}
    assert.equal(buffer, vim.api.nvim_get_current_buf()) -- the cursor stays
    assert.is_true(wait_for(function()
      sizes[#problems()] = true
      return said[1]
    end))
    assert.same({ [0] = true, true, true, true }, sizes)
    assert.same({ { buffer, 10, "problem 1" }, { buffer, 20, "problem 2" }, { buffer, 25, "problem 3" } }, problems()) -- no line 30
    assert.equal("ogl: review", vim.fn.getqflist({ title = 0 }).title)
    assert.same({ "ogl: 3 problems" }, said)
    vim.cmd "cnext"
    assert.equal(20, vim.api.nvim_win_get_cursor(0)[1])
  end)

  it("leaves the lists alone that the user makes meanwhile", function()
    review "list:2:20"
    assert.is_true(wait_for(function() return #problems() == 1 end))
    vim.fn.setqflist({ { text = "mine" } }, " ")
    assert.is_true(wait_for(function() return said[1] end))
    assert.equal("mine", vim.fn.getqflist()[1].text)
    assert.equal(1, #vim.fn.getqflist())
    vim.cmd "silent colder"
    assert.equal(2, #problems())
  end)

  it("sends the lines of a range with their numbers, and the wish", function()
    review("list:0", "5,6OglReview Only spelling.")
    assert.is_true(wait_for(function() return said[1] end))
    assert.same({ "ogl: 0 problems" }, said)
    assert.equal("ogl: Only spelling.", vim.fn.getqflist({ title = 0 }).title)
    local body = helper.decode(asked_last().body)
    assert.equal("json_schema", body.response_format.type)
    assert.truthy(body.messages[2].content:find("Only spelling.\n\ntext ():\n5: a line\n6: a line", 1, true))
  end)

  it("is cancelled, and keeps what came", function()
    review "list:90:20"
    assert.is_true(wait_for(function() return problems()[1] end))
    vim.cmd "OglReview"
    assert.same({ "ogl: a review is coming; cancel it first" }, said)
    vim.cmd "OglCancel"
    assert.is_true(wait_for(function() return said[2] end))
    assert.equal(("ogl: %d problems, cancelled"):format(#problems()), said[2])
    assert.is_true(wait_for(function() return helper.stats(nil, { block = true }).open == 0 end))
  end)

  it("says in words what went wrong: a server that fails, a model that writes no list", function()
    for scenario, words in pairs { ["status:401"] = "401", ok = "the output is missing", ["reset_mid_stream:3"] = "network" } do
      local before = #said
      review(scenario)
      assert.is_true(wait_for(function() return said[before + 1] end))
      assert.truthy(said[before + 1]:find(words, 1, true), said[before + 1])
      assert.is_nil(said[before + 1]:find(helper.KEY, 1, true))
    end
  end)
end)

describe(":checkhealth ogl_chat", function()
  after_each(function() vim.cmd "silent! %bwipeout!" end)

  local function health(scenario)
    set_up(scenario)
    require("ogl_chat.health").seconds = 0.5
    vim.cmd "checkhealth ogl_chat"
    return text_of()
  end

  it("says what is there, and whether the server answers; never the key", function()
    local text = health(helper.ogl())
    assert.truthy(text:find("OK: opengatellm %d+%.%d+%.%d+, built for luajit"), text)
    assert.truthy(text:find("OK: a key is set", 1, true), text)
    assert.truthy(text:find("answers, with 3 models that talk", 1, true), text)
    assert.is_nil(text:find(helper.KEY, 1, true))
    assert.is_nil(text:find("ERROR", 1, true))
  end)

  it("says what is wrong with a server", function()
    assert.truthy(health("status:401"):find("ERROR: [^\n]*401"))
    assert.truthy(health("stall_head"):find("does not answer within 0.5 s", 1, true))
    assert.truthy(health("http://127.0.0.1:1"):find("ERROR: [^\n]*127.0.0.1"))
  end)
end)
