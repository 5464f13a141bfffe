-- What libcurl's transport has beyond the contract: bytes that go into a decoder at once, and bodies that are let go.
local core = require "opengatellm.core"
local curl = require "opengatellm.transport.curl"
local helper = require "spec.helper"

local CHAT = "/v1/chat/completions"

describe("libcurl's transport", function()
  local transport

  before_each(function() transport = assert(curl.new()) end)
  after_each(function()
    transport:close()
    helper.close()
  end)

  local function open(scenario, body)
    return assert(transport:open {
      method = "POST", url = helper.fault(scenario) .. CHAT, headers = {}, body = body or '{"stream":true}', proxy = "", stream = true,
      timeouts = { connect = 20, first_byte = 20, idle = 20 },
    })
  end

  local function pour_all(exchange, decoder)
    local some, err
    repeat
      some, err = exchange:pour(decoder)
      assert.is_true(some == true or some == nil)
    until not some
    return err
  end

  it("pours into a decoder what it would give", function()
    local exchange, decoder = open "slow:1", core.decoder("openai_chat", "text/event-stream")
    assert.is_nil(pour_all(exchange, decoder))
    decoder:finish()
    while core.next(decoder) do end
    assert.is_true(decoder:ended())
    assert.equal(helper.TEXT, decoder:reply().text)
    assert.same({}, { exchange:pour(decoder) })
  end)

  it("pours what came before a failure, and then tells of it", function()
    local exchange, decoder = open "reset_mid_stream:3", core.decoder("openai_chat", "text/event-stream")
    local err = pour_all(exchange, decoder)
    assert.equal("network", err.kind)
    assert.equal(err, select(2, exchange:pour(decoder)))
    decoder:skip()
    local text = decoder:reply().text
    assert.is_true(#text > 0 and helper.TEXT:sub(1, #text) == text)
  end)

  it("leaves it to the decoder to say that it was closed", function()
    local exchange, decoder = open "slow:1", core.decoder("openai_chat", "text/event-stream")
    decoder:close()
    assert.is_nil(pour_all(exchange, decoder))
    assert.equal("closed", select(2, core.next(decoder)))
  end)

  it("pours into nothing else", function()
    local exchange = open "slow:1"
    exchange:head()
    for _, wrong in ipairs { false, {}, "x", core.framer("llm"), io.stderr } do
      assert.error_matches(function() exchange.transfer:pour(wrong) end, "a decoder is needed")
    end
    assert.error_matches(function() exchange.transfer:pour() end, "a decoder is needed")
  end)

  it("lets a long body go once it was sent and answered", function()
    local SIZE = 8 * 1024 -- KiB
    collectgarbage() collectgarbage()
    local before = collectgarbage "count"
    local exchange = open("stall_mid_stream:3", ('{"stream":true,"x":"%s"}'):format(("x"):rep(SIZE * 1024)))
    collectgarbage() collectgarbage()
    assert.is_true(collectgarbage "count" - before > SIZE, "libcurl still reads it")
    assert(exchange:read())
    collectgarbage() collectgarbage()
    assert.is_true(collectgarbage "count" - before < SIZE / 2)
    exchange:close()
  end)

  it("a stream lets the request go once its answer has begun", function()
    local SIZE = 8 * 1024 -- KiB
    local client = helper.client "slow:20"
    collectgarbage() collectgarbage()
    local before = collectgarbage "count"
    local function ask() return assert(client:stream(("x"):rep(SIZE * 1024))) end -- its text is on no stack of ours afterwards
    local stream = ask()
    local event
    repeat
      event = stream:next()
      collectgarbage() collectgarbage()
    until not event or collectgarbage "count" - before < SIZE / 2
    assert.is_not_nil(event, "it was kept to the end")
    stream:close()
  end)
end)
