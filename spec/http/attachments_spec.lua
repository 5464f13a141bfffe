-- What of a request goes to its server before it; how it gets there is in spec/net/gemini_files_spec.lua.
local attachments = require "opengatellm.http.attachments"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

-- A module that sends, as attachments.lua wants it: it keeps a list of what it was asked.
local asked, answers = {}, {}
package.preload["spec.attachments_spec.sender"] = function()
  return {
    KEPT = 7200,
    look = function(_, source)
      if source.name == "bad" then return nil, { kind = "file" } end
      return { length = #source.data, mime = source.mime or "text/plain" }
    end,
    put = function(_, upload)
      asked[#asked + 1] = "put " .. upload.length
      if answers.put then return nil, answers.put end
      return { name = "n" .. #asked, uri = "u" .. #asked, mimeType = "text/plain" }
    end,
    ready = function(_, file)
      asked[#asked + 1] = "ready " .. file.name
      if answers.ready then return nil, answers.ready end
      return file
    end,
  }
end

local function client_of(more)
  local provider = { protocol = "gemini", attachments = { inline = 100, by = "spec.attachments_spec.sender" } }
  for name, value in pairs(more or {}) do provider[name] = value or nil end
  return ogl.client { provider = provider, base_url = "http://server", model = "m", api_key = helper.KEY, transport = replay.new { body = "{}" } }
end

local function part(length, more)
  local all = { data = ("x"):rep(length) }
  for name, value in pairs(more or {}) do all[name] = value end
  return ogl.file(all)
end

local function request_of(...) return { messages = { ogl.user("?", ...) } } end

-- What the parts of a request's last message are: "inline", or the name in place of the bytes.
local function kinds(request)
  local list = {}
  for i, each in ipairs(request.messages[#request.messages].content) do
    list[i] = type(each) == "table" and (each.id or each.data and "inline" or each.type) or each
  end
  return list
end

describe("attachments", function()
  before_each(function() asked, answers = {}, {} end)

  it("are none where all fits", function()
    local client = client_of()
    for _, request in ipairs {
      { messages = { ogl.user "hello" } }, request_of(part(72)), request_of(part(30), part(30)), request_of(ogl.image { url = "https://h/a.png" }),
      { messages = { ogl.user "a", ogl.assistant "b", { role = "tool", tool_call_id = "c", content = "d" } } },
      request_of { type = "file", path = helper.directory() .. "/nothing-here" }, -- the protocol says what is wrong with it
    } do
      assert.is_nil((attachments.of(client, request)))
    end
  end)

  it("are the largest, until base64 of the rest fits", function()
    local client = client_of()
    local apart = assert(attachments.of(client, request_of(part(30), part(60), part(20), part(40))))
    assert.is_true(apart.pending)
    assert.same({ "?", "inline", "(file, 60 bytes: uploaded before this is sent)", "inline" }, { (table.unpack or unpack)(kinds(apart.request), 1, 4) })
    assert.equal("(file, 40 bytes: uploaded before this is sent)", kinds(apart.request)[5])
    assert.same({}, asked)
    assert.is_true(apart:send())
    assert.same({ "put 60", "ready n1", "put 40", "ready n3" }, asked)
    assert.same({ "?", "inline", "u1", "inline", "u3" }, kinds(apart.request))
    assert.is_false(apart.pending)
    assert.equal(2, #apart.warnings)
  end)

  it("make room for data URLs, which stay", function()
    local client = client_of()
    local url = "data:image/png;base64," .. ("A"):rep(60)
    local apart = assert(attachments.of(client, request_of(ogl.image { url = url }, part(30))))
    assert.same({ "?", "image", "(file, 30 bytes: uploaded before this is sent)" }, kinds(apart.request))
  end)

  it("are of all messages but the model's", function()
    local client = client_of()
    local result = { role = "tool", tool_call_id = "c", content = { part(90) } }
    local apart = assert(attachments.of(client, { messages = { { role = "assistant", content = { part(90) } }, result } }))
    assert.same({ "(file, 90 bytes: uploaded before this is sent)" }, kinds(apart.request))
    assert.equal("inline", (kinds { messages = { apart.request.messages[1] } })[1])
    assert.is_table(result.content[1]) -- as it was
    assert.truthy(result.content[1].data)
  end)

  it("keep the type that was given", function()
    local client = client_of()
    local apart = assert(attachments.of(client, request_of(part(90, { mime = "video/mp4", name = "film" }))))
    assert.same({ type = "file", id = "(film, 90 bytes: uploaded before this is sent)", mime = "video/mp4", here = true }, apart.request.messages[1].content[2])
    assert(apart:send())
    assert.same({ type = "file", id = "u1", mime = "video/mp4", here = true }, apart.request.messages[1].content[2])
  end)

  it("are sent once for a client, and for each client", function()
    local client, one = client_of(), part(90)
    assert(attachments.of(client, request_of(one)):send())
    local apart = assert(attachments.of(client, request_of(one, one)))
    assert.is_false(apart.pending)
    assert.same({ "?", "u1", "u1" }, kinds(apart.request))
    assert(attachments.of(client_of(), request_of(one)):send())
    assert.same({ "put 90", "ready n1", "put 90", "ready n3" }, asked)
    one.data = one.data .. "y"
    assert.is_true(attachments.of(client, request_of(one)).pending)
  end)

  it("that fail are the error of the call, and are sent again", function()
    local client, one = client_of(), part(90)
    answers.put = { kind = "network" }
    local sent, err = attachments.of(client, request_of(one, part(95))):send()
    assert.is_nil(sent)
    assert.equal("network", err.kind)
    answers = { ready = { kind = "provider" } }
    assert.equal("provider", select(2, attachments.of(client, request_of(one)):send()).kind)
    answers = { ready = { kind = "timeout" } }
    assert.equal("timeout", select(2, attachments.of(client, request_of(one)):send()).kind)
    answers = {}
    local apart = attachments.of(client, request_of(one))
    assert.same({ "?", "(file is being processed)" }, kinds(apart.request))
    assert(apart:send()) -- what only took long is not sent again
    assert.same({ "put 90", "put 90", "ready n2", "put 90", "ready n4", "ready n4" }, asked)
    assert.same({ "file" }, { (select(2, attachments.of(client, request_of(part(90, { name = "bad" })))) or {}).kind })
  end)

  it("are forgotten with their parts", function()
    local client, one = client_of(), part(90)
    local weak = setmetatable({ one }, { __mode = "v" })
    assert(attachments.of(client, request_of(one)):send())
    one = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak[1])
  end)

  it("are not looked for where the provider has none", function()
    local client = client_of { attachments = false }
    local body = assert(client:preview(request_of(part(300)))).body
    assert.truthy(json.decode(body).contents[1].parts[2].inlineData)
  end)
end)
