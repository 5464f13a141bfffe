-- Media that are fetched: only when asked for, from whom one may, without the client's key.
local core = require "opengatellm.core"
local json = require "opengatellm.json"
local media = require "opengatellm.request.media"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local PNG = "\137PNG\r\n\26\n..."
local REPLY = '{"model":"m","message":{"role":"assistant","content":"a cat"},"done":true,"done_reason":"stop"}'
local PAGES = {
  ["https://h/cat.png?sig=SECRET"] = { body = PNG, headers = { ["content-type"] = "application/octet-stream" } },
  ["https://h/talk"] = { body = "bytes", headers = { ["content-type"] = "audio/x-own; codecs=1" } },
  ["https://h/moved"] = { status = 302, headers = { location = "/cat.png?sig=SECRET" } },
  ["https://h/away"] = { status = 301, headers = { location = "http://10.0.0.1/cat" } },
  ["https://h/round"] = { status = 307, headers = { location = "https://h/round" } },
  ["https://h/lost"] = { status = 302 },
  ["HTTPS://h/moved"] = { status = 302, headers = { location = "//h/cat.png?sig=SECRET" } },
  ["https://h/a/b/moved?x"] = { status = 308, headers = { location = "../../a/./../cat.png?sig=SECRET#part" } },
  ["https://h/query?x"] = { status = 303, headers = { location = "?sig=SECRET" } },
  ["https://h/query?sig=SECRET"] = { status = 301, headers = { location = "HTTPS://h/cat.png?sig=SECRET" } },
  ["https://h/blank"] = { status = 302, headers = { location = "/the%20 cat.png" } },
  ["https://h/the%20%20cat.png"] = { body = PNG },
  ["https://h/other"] = { status = 302, headers = { location = "file:///etc/passwd" } },
  ["https://h/none"] = { status = 302, headers = { location = "https:///x" } },
  ["https://h/opaque"] = { status = 302, headers = { location = "http:g" } },
  ["https://h/control"] = { status = 302, headers = { location = "/cat\tx" } },
  ["https://h/twice"] = { status = 302, headers = { location = { "/cat.png?sig=SECRET" } } },
  ["https://h/cached"] = { status = 304, headers = { location = "/cat.png?sig=SECRET" } },
  ["https://user:pass@h/none?sig=SECRET"] = { status = 404, body = "no" },
}

local function client(provider)
  local transport = replay.new(function(r)
    return PAGES[r.url] or { body = provider and '{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}' or REPLY }
  end)
  return ogl.client {
    provider = provider or "ollama", base_url = "http://server", model = "m", api_key = "KEY", transport = transport, unix_socket = "/run/own",
    headers = { ["x-own"] = "y" }, retries = { max = 0 },
  }, transport
end

local function ask(url, fetch)
  local c, transport = client()
  local reply, err = c:chat { messages = { ogl.user("what?", ogl.image { url = url }) }, fetch = fetch }
  return reply, err, transport
end

describe("a medium at an address", function()
  it("is left to the server, or refused, where nobody says `fetch`", function()
    local _, err, transport = ask("https://h/cat.png?sig=SECRET", false)
    assert.same({ "unsupported", 0 }, { err.kind, #transport.requests })
  end)

  it("goes as bytes where the request says so, and stays what it was in the request", function()
    local c, transport = client()
    local part = ogl.image { url = "https://h/cat.png?sig=SECRET" }
    local reply = assert(c:chat { messages = { ogl.user("what?", part) }, fetch = true })
    assert.equal("a cat", reply.text)
    assert.equal(core.base64_encode(PNG), json.decode(transport.requests[2].body).messages[1].images[1])
    assert.same({ url = "https://h/cat.png?sig=SECRET", type = "image" }, part)
  end)

  it("is asked for without the client's key, headers and socket, up to the size of a file", function()
    local _, _, transport = ask("https://h/cat.png?sig=SECRET", true)
    local asked = transport.requests[1]
    assert.same({ { "accept", "*/*" } }, asked.headers)
    assert.same({ "GET", media.MAX }, { asked.method, asked.max_body })
    assert.is_nil(asked.unix_socket)
    assert.equal("/run/own", transport.requests[2].unix_socket)
  end)

  it("has the type that its bytes say, else its server", function()
    local c, transport = client "openai_compatible"
    assert(c:chat { messages = { ogl.user(ogl.image { url = "https://h/cat.png?sig=SECRET" }, ogl.audio { url = "https://h/talk" }) }, fetch = true })
    local parts = json.decode(transport.requests[3].body).messages[1].content
    assert.matches("^data:image/png;base64,", parts[1].image_url.url)
    assert.equal("x-own", parts[2].input_audio.format)
  end)

  it("may have moved, but not on and on", function()
    assert(ask("https://h/moved", true))
    local _, err, transport = ask("https://h/round", true)
    assert.same({ "http", "fetch", 4 }, { err.kind, err.code, #transport.requests })
    assert.matches("status 302", select(2, ask("https://h/lost", true)).message)
  end)

  it("may have moved to an address that is relative, or has its scheme in capitals", function()
    for _, from in ipairs { "HTTPS://h/moved", "https://h/a/b/moved?x", "https://h/query?x", "https://h/blank" } do
      local _, err, transport = ask(from, true)
      assert.is_nil(err)
      local last = transport.requests[#transport.requests - 1].url
      assert.is_true(last == "https://h/cat.png?sig=SECRET" or from == "https://h/blank" and last == "https://h/the%20%20cat.png")
    end
  end)

  it("is found in a moment, however long its address is", function()
    local long = "https://h/" .. ("a"):rep(20000) .. "/"
    PAGES[long] = { status = 302, headers = { location = (" "):rep(200000) .. "x" } }
    finally(function() PAGES[long] = nil end)
    local began = os.clock()
    ask(long, true)
    assert.is_true(os.clock() - began < 1)
  end)

  it("that has moved to what cannot be asked is an error", function()
    for _, name in ipairs { "other", "none", "opaque", "control", "twice", "cached" } do
      local _, err, transport = ask("https://h/" .. name, true)
      assert.same({ "http", "fetch", 1 }, { err.kind, err.code, #transport.requests })
      assert.matches("status 30[24]", err.message)
    end
  end)

  it("is refused by a function, wherever a server refers to", function()
    local asked = {}
    local function allowed(url)
      asked[#asked + 1] = url
      return url:find "^https://h/" ~= nil
    end
    assert(ask("https://h/moved", allowed))
    local _, err, transport = ask("https://h/away", allowed)
    assert.same({ "invalid", "fetch", 1 }, { err.kind, err.code, #transport.requests })
    assert.same({ "https://h/moved", "https://h/cat.png?sig=SECRET", "https://h/away", "http://10.0.0.1/cat" }, asked)
  end)

  it("that is not there is an error, which holds no signature and no password", function()
    local _, err = ask("https://user:pass@h/none?sig=SECRET", true)
    assert.equal("opengatellm: http: https://h/none: the answer has status 404", tostring(err))
  end)

  it("is not fetched for a preview", function()
    local c, transport = client "openai_compatible"
    local shown = assert(c:preview { messages = { ogl.user(ogl.image { url = "https://h/moved" }) }, fetch = true })
    assert.truthy(shown.body:find("https://h/moved", 1, true))
    assert.equal(0, #transport.requests)
  end)

  it("wants true, false or a function", function()
    assert.error_matches(function() client():chat { messages = { ogl.user "a" }, fetch = "yes" } end, "fetch: expected boolean or function, got string")
  end)
end)
