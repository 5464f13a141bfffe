-- What is closed while others wait for it, and what begins in the very same turn, on every host that does not block: libcurl's handle, the
-- exchange's id and the number of the descriptor are used again at once.
local carriers = require "spec.support.carriers"
local helper = require "spec.helper"
local ogl = require "opengatellm"

-- A task that reads a stream, once the first event has come.
local function reader(scenario)
  local it = { client = helper.client(scenario) }
  it.task = ogl.spawn(function()
    local event, err
    it.stream = assert(it.client:stream "Bonjour")
    repeat
      event, err = it.stream:next()
      it.begun = true
    until not event
    return nil, err
  end)
  while not it.begun do assert(ogl.sleep(0.01)) end
  return it
end

for _, carrier in ipairs(carriers.list()) do
  if carrier.network and carrier.host ~= "plain" then
    describe("On " .. carrier.name, function()
      after_each(helper.close)

      local function case(title, body)
        it(title, function() carrier.inside(body) end)
      end

      case("a client may be closed and another one used at once", function()
        for _ = 1, 3 do
          local client = helper.client "slow:1"
          assert(client:chat "Bonjour")
          client:close()
        end
        assert.equal(helper.TEXT, assert(assert(helper.client("slow:5"):stream "Bonjour"):reply()).text)
      end)

      case("a stream that another task closes ends, and its place is free at once", function()
        local other = reader "stall_mid_stream:3"
        other.stream:close()
        assert.equal(helper.TEXT, assert(helper.client("ok"):chat "Bonjour").text)
        assert.equal("closed", select(2, other.task:wait()).kind)
      end)

      case("the same, with the last connection closed meanwhile", function()
        local other = reader "stall_mid_stream:3"
        other.stream:close()
        other.client:close()
        assert.equal(helper.TEXT, assert(assert(helper.client("slow:5"):stream "Bonjour"):reply()).text)
        assert.equal("closed", select(2, other.task:wait()).kind)
      end)
    end)
  end
end
