-- Batches on their way to a collector that is slow, away, or of another opinion.
local errors = require "opengatellm.errors"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"
local sender = require "opengatellm.middleware.otel_sender"

local FINE = { headers = { ["content-type"] = "application/json" }, body = "{}" }

local function make(answers, options)
  local transport = replay.new(answers or FINE)
  local all = {
    endpoint = "http://collector:4318", headers = { ["x-key"] = "k" }, batch = 3, max_queue = 5, interval = 5, transport = transport,
    traces = function(spans) return json.encode { spans = spans } end, metrics = function() end,
  }
  for name, value in pairs(options or {}) do all[name] = value end
  return sender.new(all), transport.requests
end

local function put(one, from, to)
  for i = from, to do one:put({ n = i }, 0) end
end

local function sent(requests)
  local list = {}
  for i, asked in ipairs(requests) do
    local spans = json.decode(asked.body).spans
    list[i] = ("%d-%d"):format(spans[1].n, spans[#spans].n)
  end
  return list
end

describe("the sender", function()
  it("sends full batches, and the rest where it is flushed, with the metrics", function()
    local metrics = '{"m":1}'
    local one, requests = make(FINE, { metrics = function() local text = metrics metrics = nil return text end })
    local here = helper.simulated_host()
    put(one, 1, 2)
    one:maybe(here)
    assert.equal(0, #requests)
    put(one, 3, 3)
    one:maybe(here)
    assert.equal(2, #requests)
    assert.same({ "http://collector:4318/v1/traces", "http://collector:4318/v1/metrics" }, { requests[1].url, requests[2].url })
    assert.same({ { "content-type", "application/json" }, { "x-key", "k" } }, requests[1].headers)
    put(one, 4, 4)
    assert.is_true(one:flush(here))
    assert.equal(3, #requests)
    assert.is_true(one:flush(here))
    assert.equal(3, #requests)
  end)

  it("tries 429, 502, 503 and 504 again, for as long as they say, and nothing else", function()
    for _, status in ipairs { 429, 502, 503, 504 } do
      local here = helper.simulated_host()
      local one, requests = make(function(_, n) return n == 1 and { status = status, headers = { ["retry-after"] = "7" } } or FINE end)
      put(one, 1, 1)
      assert.is_true(one:flush(here))
      assert.same({ "1-1", "1-1" }, sent(requests))
      assert.same({ 7 }, here.waits)
    end
    for _, status in ipairs { 400, 401, 404, 500 } do
      local here = helper.simulated_host()
      local one, requests = make { status = status, body = "no" }
      put(one, 1, 1)
      local fine, err = one:flush(here)
      assert.same({ nil, status }, { fine, err.status })
      assert.matches("^the collector: ", err.message)
      assert.same({ 1, 1, 0 }, { #requests, one.dropped, #one.queue })
    end
  end)

  it("does not send again what was taken in part", function()
    local one, requests = make { headers = FINE.headers, body = '{"partialSuccess":{"rejectedSpans":"2","errorMessage":"no"}}' }
    put(one, 1, 3)
    assert.is_true(one:flush(helper.simulated_host()))
    assert.same({ 1, 2 }, { #requests, one.dropped })
  end)

  it("keeps what a collector that is away did not get, up to a bound, and leaves it alone for a while", function()
    local away = true
    local one, requests = make(function() return away and { err = errors.new { kind = "network", message = "refused" } } or FINE end)
    local here = helper.simulated_host()
    put(one, 1, 3)
    one:maybe(here)
    assert.same({ 1, {} }, { #requests, here.waits }) -- a blocking program waits for one try, and for no pause
    put(one, 4, 7)
    one:maybe(here)
    assert.equal(1, #requests)
    assert.same({ 5, 2 }, { #one.queue, one.dropped })
    away = false
    here.sleep(61)
    one:maybe(here)
    assert.same({ "3-5", "6-7" }, { sent(requests)[2], sent(requests)[3] })
  end)

  it("sends in a task where tasks run: the call goes on at once", function()
    local one, requests = make()
    ogl.run(function()
      put(one, 1, 3)
      one:maybe(require "opengatellm.host".current())
      assert.equal(0, #requests)
      ogl.sleep(0.01)
      assert.equal(1, #requests)
      put(one, 4, 4)
      assert.is_true(one:flush(require "opengatellm.host".current()))
    end)
    assert.same({ "1-3", "4-4" }, sent(requests))
  end)
end)
