-- A line for each call.
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local recorded = require "spec.support.recorded_streams"
local replay = require "opengatellm.transport.replay"

local SSE = { ["content-type"] = "text/event-stream", ["x-request-id"] = "req_1" }
local BODY = 'data: {"model":"m-1","choices":[{"index":0,"delta":{"content":"secret answer"},"finish_reason":"stop"}],'
  .. '"usage":{"prompt_tokens":12,"completion_tokens":34,"prompt_tokens_details":{"cached_tokens":5}}}\n\ndata: [DONE]\n\n'

local function logged(options, answer, client_options)
  local lines = {}
  options.clock = function() return 1000000000 end
  options.write = function(line) lines[#lines + 1] = line end
  local all = {
    provider = "openai_compatible", base_url = "http://server", model = "m", transport = replay.new(answer or { headers = SSE, body = BODY }),
    retries = { max = 0 }, host = helper.simulated_host(),
  }
  for name, value in pairs(client_options or {}) do all[name] = value end
  return ogl.client(all):use(ogl.middleware.log(options)), lines, all.host
end

describe("the log", function()
  it("has one line for a call, without its content", function()
    local c, lines = logged {}
    assert(c:chat "secret question")
    assert.same({
      "time=2001-09-09T01:46:40Z op=chat provider=openai_compatible model=m-1 asked=m status=200 finish=stop seconds=0 input=12 cached=5"
        .. " output=34 id=req_1",
    }, lines)
  end)

  it("has the line of a stream when it has ended, with the time to its first part", function()
    local c, lines, here = logged {}
    local stream = assert(c:stream { messages = "hi", keep = false })
    here.sleep(2)
    assert.same({}, lines)
    while stream:next() do end -- luacheck: ignore
    assert.equal(1, #lines)
    assert.matches("op=stream .* finish=stop seconds=2 first=2 input=12 cached=5 output=34", lines[1])
  end)

  it("has errors by kind, code, status and reason, and not their message, which may quote the request", function()
    local body = '{"error":{"message":"bad: secret question","type":"t","code":"context_length_exceeded"}}'
    local c, lines = logged({}, { status = 400, headers = { ["content-type"] = "application/json" }, body = body })
    assert.is_nil((c:chat "secret question"))
    assert.matches("error=http code=context_length_exceeded status=400 reason=context_length seconds=0$", lines[1])
    assert.is_nil(lines[1]:find "secret")
  end)

  it("has a stream that was closed, and a call that was tried twice", function()
    local c, lines = logged {}
    assert(c:stream "hi"):close()
    assert.matches("error=closed .*estimated=true", lines[1])
    c, lines = logged({}, function(_, n) return n == 1 and { status = 503 } or { headers = SSE, body = BODY } end, { retries = { max = 1 } })
    assert(c:chat "hi")
    assert.matches(" attempts=2 ", lines[1])
  end)

  it("shows the content where it is asked for", function()
    local c, lines = logged { content = true }
    assert(c:chat "secret question")
    assert.truthy(lines[1]:find('text="secret answer"', 1, true))
    assert.truthy(lines[1]:find("secret question", 1, true))
    c, lines = logged({ content = true }, { status = 400, body = "no such thing" })
    assert.is_nil((c:chat "hi"))
    assert.truthy(lines[1]:find('message="no such thing"', 1, true))
  end)

  it("is JSON where that is asked for", function()
    local c, lines = logged { format = "json" }
    assert(c:chat "hi")
    assert.matches('^{"time":"2001%-09%-09T01:46:40Z","op":"chat"', lines[1])
    local value = json.decode(lines[1])
    assert.same({ 12, 34, "m-1" }, { value.input, value.output, value.model })
  end)

  it("keeps to one line, whatever a server names itself", function()
    local body = BODY:gsub("m%-1", "x\\ny=z \\u2028 op=chat")
    local c, lines = logged({}, { headers = SSE, body = body })
    assert(c:chat "hi")
    assert.is_nil(lines[1]:find "[\n\r]")
    assert.is_nil(lines[1]:find "\226\128\168")
    assert.truthy(lines[1]:find('model="x\\ny=z', 1, true))
  end)

  it("has the cost that a middleware inside of it found", function()
    local c, lines = logged {}
    assert(c:use(ogl.middleware.cost { prices = { m = { input = 1e6, cached_input = 0, output = 0 } } }):chat "hi")
    assert.matches(" cost=7 ", lines[1])
  end)

  it("writes of embeddings, too", function()
    local answer = '{"model":"e","data":[{"index":0,"embedding":[1]}],"usage":{"prompt_tokens":7,"total_tokens":7}}'
    local c, lines = logged({}, { headers = { ["content-type"] = "application/json" }, body = answer })
    assert(c:embeddings { input = "secret" })
    assert.matches("op=embeddings provider=openai_compatible model=e asked=m seconds=0 input=7", lines[1])
  end)

  it("leaves every recorded reply as it is", function() recorded.check(ogl.middleware.log { write = function() end }) end)

  it("raises what is wrong with its options at the caller's line", function()
    for problem, options in pairs {
      ["write: expected function, got string"] = { write = "x" }, ['format: expected "text" or "json", got "xml"'] = { format = "xml" },
      ["level: there is no such field"] = { level = 1 }, ["expected table, got number"] = 7, ["expected table, got boolean"] = false,
    } do
      local _, where = pcall(function()
        local log = ogl.middleware.log(options)
        return log
      end)
      assert.matches("log_spec.lua:%d+: ogl.middleware.log: " .. problem, where)
    end
  end)
end)
