local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

-- A client whose server answers with that; what it was asked.
local function client_of(answer)
  local transport = replay.new(answer)
  return ogl.client { provider = "ollama", base_url = "http://h:1", transport = transport, retries = { max = 0 } }, transport.requests
end

local PROGRESS = '{"status":"pulling manifest"}\n{"status":"pulling abc","digest":"sha256:abc","total":10,"completed":4}\n'

describe("client.ollama:pull", function()
  it("tells of the progress, however the lines are cut", function()
    for _, chunk in ipairs { 1, 7, 100, 10000 } do
      local client, requests = client_of { body = PROGRESS .. '\n{"status":"success"}', chunk = chunk }
      local seen = {}
      local last = assert(client.ollama:pull { model = "m", on_progress = function(p) seen[#seen + 1] = p end })
      assert.equal("success", last.status)
      assert.same({ status = "pulling abc", digest = "sha256:abc", total = 10, completed = 4 }, seen[2])
      assert.equal(3, #seen)
      assert.same({ "POST", "http://h:1/api/pull" }, { requests[1].method, requests[1].url })
      assert.same({ model = "m", stream = true }, json.decode(requests[1].body))
    end
  end)

  it("needs no listener", function()
    assert.equal("success", assert(client_of({ body = '{"status":"success"}\n' }).ollama:pull "m").status)
  end)

  it("gives the error of a line, of a status and of a broken connection", function()
    local _, err = client_of({ body = PROGRESS .. '{"error":"pull model manifest: file does not exist"}\n' }).ollama:pull "m"
    assert.same({ "provider", "pull model manifest: file does not exist" }, { err.kind, err.message })
    _, err = client_of({ status = 404, body = '{"error":"no"}' }).ollama:pull "m"
    assert.same({ "http", 404, "no" }, { err.kind, err.status, err.message })
    _, err = client_of({ body = { PROGRESS, errors.new { kind = "network", message = "reset" } } }).ollama:pull "m"
    assert.equal("network", err.kind)
  end)

  it("is incomplete where success was never said", function()
    local _, err = client_of({ body = PROGRESS }).ollama:pull "m"
    assert.equal("incomplete", err.kind)
  end)

  it("has a ceiling for a line", function()
    local _, err = client_of({ body = ("x"):rep(2 * 1024 * 1024) }).ollama:pull "m"
    assert.equal("limit", err.kind)
  end)
end)

describe("client.ollama", function()
  it("asks the server's other calls", function()
    local cases = {
      { "ping", nil, "GET", "/api/version", nil, '{"version":"0.9.0"}', "0.9.0" },
      { "list", nil, "GET", "/api/tags", nil, '{"models":[{"name":"m"}]}', { { name = "m" } } },
      { "ps", nil, "GET", "/api/ps", nil, '{"models":[]}', {} },
      { "show", { model = "m" }, "POST", "/api/show", { model = "m" }, '{"template":"t"}', { template = "t" } },
      { "show", { model = "m", verbose = true }, "POST", "/api/show", { model = "m", verbose = true }, "{}", {} },
      { "delete", { model = "m" }, "DELETE", "/api/delete", { model = "m" }, "", true },
      { "copy", { source = "a", destination = "b" }, "POST", "/api/copy", { source = "a", destination = "b" }, "", true },
    }
    for _, case in ipairs(cases) do
      local client, requests = client_of { body = case[6] }
      assert.same(case[7], (assert(client.ollama[case[1]](client.ollama, case[2]))))
      assert.same({ case[3], "http://h:1" .. case[4] }, { requests[1].method, requests[1].url })
      assert.same(case[5], requests[1].body and json.decode(requests[1].body))
    end
  end)

  it("gives the errors of the server, and of an answer that is none", function()
    local _, err = client_of({ status = 404, body = '{"error":"model not found"}' }).ollama:show "m"
    assert.same({ 404, "model not found" }, { err.status, err.message })
    for _, body in ipairs { "<html>", "[]", '{"version":5}', "5" } do
      _, err = client_of({ body = body }).ollama:ping()
      assert.equal("protocol", err.kind)
    end
  end)

  it("is one table a client, made when it is used", function()
    local client = client_of {}
    assert.equal(client.ollama, client.ollama)
    assert.equal("opengatellm.client.ollama", tostring(client.ollama))
  end)

  it("is no call of other servers", function()
    local transport = replay.new { body = "{}" }
    local client = ogl.client { provider = "openai", api_key = "k", transport = transport }
    for _, name in ipairs { "ping", "list", "ps" } do assert.equal("unsupported", select(2, client.ollama[name](client.ollama)).kind) end
    assert.equal("unsupported", select(2, client.ollama:pull "m").kind)
    assert.equal("unsupported", select(2, client.ollama:delete "m").kind)
    assert.equal("unsupported", select(2, client.ollama:copy { source = "a", destination = "b" }).kind)
    assert.equal(0, #transport.requests)
  end)

  it("raises what is the caller's mistake, at the caller", function()
    local client = client_of {}
    for problem, call in pairs {
      ["ollama_models_spec.lua:%d+: client.ollama:pull: model: it is needed"] = function() client.ollama:pull {} end,
      ["client.ollama:pull: on_progress: expected function"] = function() client.ollama:pull { model = "m", on_progress = 5 } end,
      ["client.ollama:copy: destination: it is needed"] = function() client.ollama:copy { source = "a" } end,
      ["client.ollama:show: expected table, got nil"] = function() client.ollama:show() end,
      ["client.ollama:list: x: there is no such field"] = function() client.ollama:list { x = 1 } end,
    } do
      local fine, why = pcall(call)
      assert.is_false(fine)
      assert.matches(problem, why)
    end
  end)
end)
