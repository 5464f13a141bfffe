-- Saves: what they hold, what is refused, what a crash loses.
local conversations = require "spec.support.conversations"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local requests = require "opengatellm.request"

local calls, says, tool = conversations.calls, conversations.says, conversations.tool

local function changed(text, fn)
  local saved = json.decode(text)
  fn(saved)
  return json.encode(saved)
end

local function refused(text, options)
  local chat, err = ogl.conversation.load(text, options)
  assert.is_nil(chat)
  assert.same({ "invalid", "save" }, { err.kind, err.code })
  return err.message
end

local function asking(ran)
  return { tools = { tool("f", function(arguments) ran[#ran + 1] = arguments.n; return "ok" end, { approval = true }) } }
end

describe("a save", function()
  it("holds messages, decisions and counters, and no tool, key or function", function()
    local chat, _, client = conversations.conversation({ calls { { "1", "f", { n = 1 } }, { "2", "f", { n = 2 } } }, says "Done." }, asking {})
    assert(chat:send(ogl.user("Look:", ogl.image { data = "\137PNG\0\255" })))
    assert(chat:approve("1", { always = true }))
    chat:enqueue("later", "when_idle")
    local text = assert(chat:save())
    assert.is_nil(text:find("server", 1, true))
    local ran = {}
    local again = assert(ogl.conversation.load(text, requests.merge(asking(ran), { client = client })))
    assert.same(chat.messages, again.messages)
    assert.same({ 1, 1, 1, true }, { again.revision, again.steps, #again.pending, again.always.f })
    assert(again:approve "2")
    assert(again:resume())
    assert.same({ 1, 2 }, ran)
    assert.equal("later", again.messages[6].content)
  end)

  it("has the next revision each time, so that a store can refuse the second of two writers", function()
    local chat, _, client = conversations.conversation({ says "x" }, {})
    assert(chat:send "x")
    local text = assert(chat:save())
    local a = assert(ogl.conversation.load(text, { client = client }))
    local b = assert(ogl.conversation.load(text, { client = client }))
    assert(a:save())
    assert(b:save())
    assert.same({ 1, 2, 2 }, { chat.revision, a.revision, b.revision })
  end)

  it("is refused with the reason where it is none, of another schema, or was changed by hand", function()
    local chat, _, client = conversations.conversation({ calls { { "1", "f" } } }, asking {})
    assert(chat:send "x")
    local text, options = assert(chat:save()), requests.merge(asking {}, { client = client })
    assert.matches("is no JSON", refused("{", options))
    assert.matches("is no JSON", refused(nil, options))
    assert.matches("is no conversation", refused("[]", options))
    assert.matches("has the schema 2; this version reads up to 1", refused(changed(text, function(saved) saved.schema = 2 end), options))
    assert.matches("has the schema 0", refused(changed(text, function(saved) saved.schema = 0 end), options))
    for _, name in ipairs { "messages", "calls", "usage", "revision", "begun" } do
      assert.matches("has no '" .. name .. "'", refused(changed(text, function(saved) saved[name] = "x" end), options))
    end
    assert.matches("messages%[1%].role", refused(changed(text, function(saved) saved.messages[1].role = "king" end), options))
    assert.matches("the state 'gone'", refused(changed(text, function(saved) saved.calls[1].state = "gone" end), options))
    assert.matches("the message of its calls", refused(changed(text, function(saved) saved.said = 9 end), options))
    assert.matches("no 'json'", refused(changed(text, function(saved) saved.calls[1].json = nil end), options))
  end)

  it("never raises, whatever it was changed to", function()
    local chat, _, client = conversations.conversation({ calls { { "1", "f" } }, says "x" }, asking {})
    assert(chat:send "x")
    local text, options = assert(chat:save()), requests.merge(asking {}, { client = client })
    math.randomseed(3)
    for _ = 1, 2000 do
      local at = math.random(#text)
      local mutated = text:sub(1, at - 1) .. ('"{}[],:0x'):sub(math.random(9)):sub(1, 1) .. text:sub(at + math.random(0, 3))
      local again = ogl.conversation.load(mutated, options)
      if again then assert.equal("string", type((again:save()))) end
    end
  end)

  it("with a secret is signed: a forged approval is refused (ai#15947, adk#1389)", function()
    local ran = {}
    local chat, _, client = conversations.conversation({ calls { { "1", "f", { n = 1 } } }, says "x" }, requests.merge(asking(ran), { secret = "s3cret" }))
    assert(chat:send "x")
    local text, options = assert(chat:save()), requests.merge(asking(ran), { client = client, secret = "s3cret" })
    for _, change in ipairs {
      function(saved) saved.calls[1].state, saved.calls[1].approved = "approved", true end,
      function(saved) saved.calls[1].json = '{"n":2}' end,
      function(saved) saved.always = { "f" } end,
      function(saved) saved.n_calls = -5 end,
      function(saved) saved.revision = 7 end,
    } do assert.matches("was changed", refused(changed(text, change), options)) end
    assert.matches("is not signed", refused(changed(text, function(saved) saved.signature = nil end), options))
    assert.matches("another secret", refused(text, requests.merge(options, { secret = "other" })))
    assert(ogl.conversation.load(changed(text, function() end), options))
    assert.is_nil(text:find("s3cret", 1, true))
    assert.same({}, ran)
  end)

  it("says which package a secret needs", function()
    local real, loaded = package.preload["openssl.hmac"], package.loaded["openssl.hmac"]
    package.loaded["openssl.hmac"], package.preload["openssl.hmac"] = nil, function() error "absent" end
    local chat = conversations.conversation({ says "x" }, { secret = "s" })
    local text, err = chat:save()
    package.loaded["openssl.hmac"], package.preload["openssl.hmac"] = loaded, real
    assert.is_nil(text)
    assert.equal("unsupported", err.kind)
    assert.matches("luaossl", err.message)
  end)

  it("that cannot be JSON is an error", function()
    local chat = conversations.conversation({ says "x" }, {})
    assert(chat:send "x")
    chat.messages[1].content = { { type = "text", text = "x", f = print } }
    local _, err = chat:save()
    assert.matches("cannot be made", err.message)
  end)
end)

describe("on_save", function()
  it("is called before a call starts and after it ends, so that a crash loses no result", function()
    local texts = {}
    local options = {
      tools = { tool("f", function(arguments) return arguments.n end) }, max_parallel_tools = 1,
      on_save = function(conversation) texts[#texts + 1] = assert(conversation:save()) end,
    }
    local chat, _, client = conversations.conversation({ calls { { "1", "f", { n = 1 } }, { "2", "f", { n = 2 } } }, says "Done." }, options)
    assert(chat:send "x")
    assert.equal(4, #texts)
    -- the program died while the second call ran: its outcome is unknown, and somebody is asked
    local after = assert(ogl.conversation.load(texts[3], requests.merge(options, { client = client })))
    assert.same({ 1, "2", "unknown" }, { #after.pending, after.pending[1].id, after.pending[1].reason })
    assert.equal("1", after.messages[3].content)
    assert(after:resolve("2", "it had run"))
    assert(after:resume())
    assert.equal("it had run", after.messages[4].content)
    -- it died after both had ended, before the model was asked
    after = assert(ogl.conversation.load(texts[4], requests.merge(options, { client = client })))
    assert.equal(0, #after.pending)
    assert.equal("Done.", assert(after:resume()).text)
  end)

  it("that fails before a call keeps it from running", function()
    for _, fail in ipairs { function() error "disk full" end, function() return nil, "disk full" end, function() return false end } do
      local ran, failing = 0, true
      local chat = conversations.conversation({ calls { { "1", "f" } }, says "Done." }, {
        tools = { tool("f", function() ran = ran + 1; return 1 end) }, on_save = function() if failing then return fail() end end,
      })
      local _, err = chat:send "x"
      assert.equal("save", err.code)
      assert.equal(0, ran)
      failing = false
      assert.equal("Done.", assert(chat:resume()).text)
      assert.equal(1, ran)
    end
  end)
end)
