local json = require "opengatellm.json"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"
local helper = require "spec.helper"

local KEY = "sk-SECRET-0123456789"

local function client(options)
  local transport = replay.new { body = "{}" }
  local all = { base_url = "http://server", api_key = KEY, model = "m", transport = transport }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.client(all), transport
end

describe("client:preview", function()
  it("shows what would be sent, and sends nothing", function()
    local c, transport = client { headers = { ["X-Team"] = "blue" } }
    local preview = assert(c:preview { messages = { ogl.user "it's" }, max_tokens = 5 })
    assert.same({ "POST", "http://server/v1/chat/completions" }, { preview.method, preview.url })
    assert.same({ messages = { { role = "user", content = "it's" } }, model = "m", max_tokens = 5 }, json.decode(preview.body))
    local headers = {}
    for _, row in ipairs(preview.headers) do headers[row[1]] = row[2] end
    assert.equal("Bearer ***", headers.authorization)
    assert.equal("blue", headers["X-Team"])
    assert.equal(0, #transport.requests)
    assert.is_true(json.decode(assert(c:preview("hi", true)).body).stream)
  end)

  it("is what is sent", function()
    local c, transport = client()
    local preview = assert(c:preview "hi")
    c:chat "hi"
    local sent = transport.requests[1]
    assert.same({ sent.method, sent.url, sent.body }, { preview.method, preview.url, preview.body })
    for i, row in ipairs(sent.headers) do
      assert.equal(row[1], preview.headers[i][1])
      if row[1] ~= "authorization" then assert.equal(row[2], preview.headers[i][2]) end
    end
  end)

  it("has no key in it, whoever set it", function()
    local c = client { headers = { ["X-Api-Key"] = KEY, Cookie = "session=" .. KEY } }
    local preview = assert(c:preview "hi")
    assert.is_false(helper.mentions(preview, KEY))
    assert.is_nil((tostring(preview) .. preview:curl()):find(KEY, 1, true))
    local asked = false
    preview = assert(client({ api_key = function() asked = true return KEY end }):preview "hi")
    assert.is_false(asked)
    assert.truthy(tostring(preview):find("authorization: Bearer ***", 1, true))
  end)

  it("prints as HTTP", function()
    assert.matches('^POST http://server/v1/chat/completions\n.*authorization: Bearer %*%*%*\n\n{', tostring(assert(client():preview "hi")))
  end)

  it("gives errors as the call would", function()
    local c = ogl.client { provider = { protocol = "openai_chat" }, model = "m" } -- it has no address
    assert.equal("config", select(2, c:preview "hi").kind)
    assert.error_matches(function() client():preview {} end, "client:preview: messages")
  end)
end)

describe("preview:curl", function()
  it("is the command, with the key from its variable", function()
    local c = client { unix_socket = "/run/o'gl", ca_file = "/etc/ca.pem" }
    local command = assert(c:preview("it's", true)):curl()
    assert.truthy(command:find("curl -N \\\n  -X POST \\\n  'http://server/v1/chat/completions'", 1, true))
    assert.truthy(command:find("--unix-socket '/run/o'\\''gl'", 1, true))
    assert.truthy(command:find("--cacert '/etc/ca.pem'", 1, true))
    assert.truthy(command:find('-H "authorization: Bearer $OGL_TOKEN"', 1, true))
    assert.truthy(command:find("it'\\''s", 1, true))
  end)

  it("sends the same bytes", function()
    local address = helper.fault "echo"
    local c = helper.client_of(address, { api_key = KEY })
    local preview = assert(c:preview { messages = { ogl.user "it's « 😀 »\n\"quoted\" $HOME `x`" } })
    local pipe = assert(io.popen("OGL_TOKEN=" .. KEY .. " sh -c " .. "'" .. ("exec " .. preview:curl() .. " -s"):gsub("'", "'\\''") .. "'"))
    local echo = helper.decode(pipe:read "*a")
    pipe:close()
    assert.equal(preview.body, echo.body)
    assert.equal("Bearer " .. KEY, echo.headers.authorization)
    c:close()
  end)
end)
