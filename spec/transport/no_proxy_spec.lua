-- Which hosts are reached without a proxy: rows of {host, list, covered}. libcurl is asked the same where it is here.
local helper = require "spec.helper"
local no_proxy = require "opengatellm.transport.no_proxy"

local ROWS = {
  -- names
  { "h", "*", true }, { "10.0.0.1", "*", true }, { "[::1]", "*", true }, { "h", "g,*", false }, { "h", "", false }, { "h", "h", true }, { "h", "g, h", true },
  { "h", "g,,,  ,h", true }, { "h", "H", true }, { "H.Example", "h.eXample", true }, { "h", ".h", true }, { "h", "h.", true }, { "h", ".h.", true },
  { "h.", "h", true }, { "h.", "h.", true }, { "h", "..h", false }, { "h", "g", false }, { "xh", "h", false }, { "h", "xh", false }, { "h", "h.example", false },
  { "a.h.example", "h.example", true }, { "a.h.example", ".h.example", true }, { "a.b.h.example.", "h.example.", true }, { "ah.example", "h.example", false },
  { "h.example", "*.example", false }, { "a.h", "h:80", false }, { "h", "h:80", false }, { "h", "h/8", false }, { "h", ".", false },
  -- IPv4
  { "10.0.0.1", "10.0.0.1", true }, { "10.0.0.1", "10.0.0.1,h", true }, { "10.0.0.1", "0.0.1", false }, { "10.0.0.1", ".0.0.1", false },
  { "10.0.0.1", "1", false }, { "10.0.0.1", "10.0.0.10", false }, { "10.0.0.1", "10.0.0.1.", false }, { "10.1.2.3", "10.0.0.0/8", true },
  { "11.1.2.3", "10.0.0.0/8", false }, { "10.1.2.3", "10.1.0.0/16", true }, { "10.2.2.3", "10.1.0.0/16", false }, { "192.168.1.77", "192.168.1.64/26", true },
  { "192.168.1.128", "192.168.1.64/26", false }, { "192.168.1.5", "192.168.1.4/31", true }, { "192.168.1.6", "192.168.1.4/31", false },
  { "192.168.1.5", "192.168.1.5/32", true }, { "192.168.1.5", "192.168.1.4/32", false }, { "192.168.1.5", "192.168.1.5/33", false },
  { "129.0.0.1", "128.0.0.0/1", true }, { "127.0.0.1", "128.0.0.0/1", false }, { "10.0.0.1", "0.0.0.0/0", false }, { "10.0.0.1", "10.0.0.1/0", true },
  { "10.0.0.1", "10.0.0.1:80", false }, { "10.0.0.1", "::ffff:10.0.0.1", false }, { "10.0.0.1", ("1"):rep(200), false }, { "10.0.0.1", "10/8", false },
  { "10.0.0.1", "foo bar", false }, { "10.0.0.1", "g,\t10.0.0.0/24\t,h", true },
}

-- Not asked of libcurl: 7.88 takes these for names, and some versions compare the last bits of such a network the wrong way round.
local IPV6 = {
  { "[::1]", "::1", true }, { "[::1]", "0:0::1", true }, { "[::1]", "0:0:0:0:0:0:0:1", true }, { "[::1]", "[::1]", false }, { "[::1]", "::2", false },
  { "[::1]", "1", false }, { "[::1]", "::1/128", true }, { "[::1]", "::1/129", false }, { "[::1]", "::/64", true }, { "[fe80::1:2]", "fe80::/64", true },
  { "[fe80:0:0:1::2]", "fe80::/64", false }, { "[FE80::AB]", "fe80::ab", true }, { "[::ffff:10.0.0.1]", "::ffff:a00:1", true },
  { "[::ffff:a00:1]", "::ffff:10.0.0.1", true }, { "[::1]", "10.0.0.0/8", false }, { "[::1]", "::1::", false }, { "[1:2:3:4:5:6:7:8]", "1:2:3:4:5:6:7:8", true },
  { "[1:2:3:4:5:6:7:8]", "1:2:3:4:5:6:7", false }, { "[1:2:3:4:5:6:0:8]", "1:2:3:4:5:6::8", true }, { "[::1]", ":1", false },
  { "[fd00::1]", "fc00::/7", true }, { "[fe00::1]", "fc00::/7", false },
  { "[fe80::1]", "fe80::/10", true }, { "[fec0::1]", "fe80::/10", false },
}

describe("a list of hosts without a proxy", function()
  for _, rows in ipairs { ROWS, IPV6 } do
    for _, row in ipairs(rows) do
      local host, list, covered = row[1], row[2], row[3]
      it(("%s %s by '%s'"):format(host, covered and "is covered" or "is not covered", list:sub(1, 40)), function()
        assert.equal(covered, no_proxy.covers(host, list))
      end)
    end
  end

  it("takes what is no address for none", function()
    for _, text in ipairs { "256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4x", "", "/8", "1.2.3.4/", "1.2.3.4/x", "1.2.3.4/-1" } do
      assert.is_false(no_proxy.covers("1.2.3.4", text))
    end
    for _, text in ipairs { "::12345", "1::2::3", "::1.2.3", "1.2.3.4::", "g::", ":::", "::%eth0" } do assert.is_false(no_proxy.covers("[::]", text)) end
  end)

  it("is read as libcurl reads it", function()
    local found, curl = pcall(require, "opengatellm.transport.curl")
    if not found then return pending "no libcurl here" end
    local proxy, transport = helper.fault "ok", assert(curl.new()) -- a server that knows no such path, and says so in its own words
    for _, row in ipairs(ROWS) do
      local exchange = transport:open {
        method = "GET", url = ("http://%s:1/"):format(row[1]), headers = {}, proxy = proxy:match "^http://[^/]*", no_proxy = row[2],
        timeouts = { connect = 0.1, total = 2 },
      }
      local by_proxy = exchange:head() and (exchange:read() or ""):find("No scenario", 1, true)
      assert.equal(row[3], not by_proxy, row[1] .. " by " .. row[2])
      exchange:close()
    end
    transport:close()
  end)
end)
