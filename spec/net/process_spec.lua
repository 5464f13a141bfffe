-- What happens to a whole process: Ctrl-C, too few descriptors, a multi that breaks.
local helper = require "spec.helper"

local PRELUDE = [[
local ogl = require "opengatellm"
local function client(scenario, options)
  local all = { base_url = arg[1] .. "/" .. scenario, api_key = "k", model = "m", proxy = "", retries = { max = 0 } }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.client(all)
end
local function say(...) print(...) io.stdout:flush() end
]]

local function interpreter() return os.getenv "OGL_LUA" or "lua5.4" end

-- Runs a program; `limits` goes before it. Everything that it wrote.
local function output(source, limits)
  local path = helper.write(PRELUDE .. source)
  local process = assert(io.popen(("%s%s %s %s 2>&1"):format(limits or "", interpreter(), path, helper.fault())))
  local text = process:read "*a"
  process:close()
  return text
end

describe("a process", function()
  it("stops a call that blocks at Ctrl-C, and closes its connection at once", function()
    local before = helper.stats()
    local stdin, path = helper.directory() .. "/" .. helper.id(), helper.write(PRELUDE .. [[
      say "asks"
      say(pcall(function() return client "stall_mid_stream:3":chat "hi" end))
      io.read() -- it lives on
    ]])
    os.execute("mkfifo " .. stdin)
    local process = assert(io.popen(("sh -c 'echo $$; exec %s %s %s <%s'"):format(interpreter(), path, helper.fault(), stdin)))
    local pid = process:read "*l"
    local hold = assert(io.open(stdin, "w"))
    finally(function() -- also where an assertion fails: what is started later would hold the pipe open, and its reader would wait for ever
      hold:close()
      process:close()
    end)
    assert.equal("asks", process:read "*l")
    assert.is_true(helper.eventually(function() return helper.stats().requests > before.requests end))
    os.execute("kill -INT " .. pid)
    assert.matches("^false\t.*interrupted!$", process:read "*l")
    assert.is_true(helper.eventually(function() return helper.stats().open <= before.open end))
  end)

  it("stops all tasks of ogl.run at Ctrl-C", function()
    local before = helper.stats()
    local stdin, path = helper.directory() .. "/" .. helper.id(), helper.write(PRELUDE .. [[
      say "asks"
      say(pcall(ogl.run, function()
        for _ = 1, 5 do ogl.spawn(function() return client "stall_mid_stream:3":chat "hi" end) end
      end))
      collectgarbage() collectgarbage()
      say(ogl.run(function() return client "ok":chat("hi").finish_reason end))
      io.read()
    ]])
    os.execute("mkfifo " .. stdin)
    local process = assert(io.popen(("sh -c 'echo $$; exec %s %s %s <%s'"):format(interpreter(), path, helper.fault(), stdin)))
    local pid = process:read "*l"
    local hold = assert(io.open(stdin, "w"))
    finally(function() -- also where an assertion fails: what is started later would hold the pipe open, and its reader would wait for ever
      hold:close()
      process:close()
    end)
    assert.equal("asks", process:read "*l")
    assert.is_true(helper.eventually(function() return helper.stats().requests >= before.requests + 5 end))
    os.execute("kill -INT " .. pid)
    assert.matches("^false\t.*interrupted!$", process:read "*l")
    assert.equal("stop", process:read "*l")
    assert.is_true(helper.eventually(function() return helper.stats().open <= before.open + 1 end)) -- one is kept
  end)

  it("gives an error to those requests for which no descriptor is left, and to no other", function()
    local text = output([[
      local list = {}
      for i = 1, 60 do list[i] = i end
      local count = { fine = 0, none = 0, other = 0 }
      ogl.run(function()
        local one = client "slow:30"
        for _, result in ipairs(ogl.map(list, function() return one:chat "hi" end)) do
          local err = result.err
          local kind = result.value and "fine" or err.kind == "network" and err.sent == false and "none" or "other"
          count[kind] = count[kind] + 1
        end
      end)
      say(count.fine > 10, count.none > 10, count.other)
      say(client "ok":chat("hi").finish_reason)
    ]], "ulimit -n 40; ")
    assert.equal("true\ttrue\t0\nstop\n", text)
  end)

  it("fails the requests of a multi that breaks, and goes on with another", function()
    if not rawget(_G, "jit") then return pending "closing a descriptor behind the multi's back needs LuaJIT's ffi" end
    local text = output [[
      local ffi = require "ffi"
      ffi.cdef "int close(int);"
      local loop = ogl.loop()
      ogl.run(function()
        local tasks = {}
        for i = 1, 3 do tasks[i] = ogl.spawn(function() return client "stall_mid_stream:3":chat "hi" end) end
        ogl.sleep(0.2)
        ffi.C.close(loop:fd())
        for i = 1, 3 do
          local reply, err = tasks[i]:wait()
          say(reply, err.kind, err.code)
        end
        say(client "ok":chat("hi").finish_reason)
      end)
    ]]
    assert.equal(("nil\tnetwork\tmulti\n"):rep(3) .. "stop\n", text)
  end)

  -- What a chat with a server of TLS gives where these variables are set: its reason for ending, or the kind of its error.
  local function trusting(variables, options)
    local source = ([[
      local reply, err = client("ok", { base_url = "%s/ok", %s }):chat "hi"
      say(reply and reply.finish_reason or err.kind)
    ]]):format(helper.tls {}, options or "")
    return (output(source, "CURL_CA_BUNDLE= SSL_CERT_DIR= SSL_CERT_FILE= " .. variables .. " "):gsub("%s+$", ""))
  end

  it("trusts the authorities that its environment names, as the curl command does", function()
    local path = helper.certificates()
    local ca, other, folder = path .. "/ca.pem", path .. "/wronghost.pem", path .. "/authorities"
    os.execute(("mkdir -p %s && cp %s %s/$(openssl x509 -hash -noout -in %s).0"):format(folder, ca, folder, ca))
    for variables, result in pairs {
      [""] = "tls", ["SSL_CERT_FILE=" .. ca] = "stop", ["CURL_CA_BUNDLE=" .. ca] = "stop", ["SSL_CERT_DIR=" .. folder] = "stop",
      ["SSL_CERT_FILE=" .. other] = "tls", ["CURL_CA_BUNDLE=" .. other .. " SSL_CERT_FILE=" .. ca] = "tls",
      ["CURL_CA_BUNDLE=" .. other .. " SSL_CERT_DIR=" .. folder] = "tls", ["CURL_CA_BUNDLE=" .. ca .. " SSL_CERT_FILE=" .. other] = "stop",
      ["SSL_CERT_DIR=" .. folder .. " SSL_CERT_FILE=" .. other] = "stop", ["CURL_CA_BUNDLE=/nowhere.pem"] = "tls", ["SSL_CERT_FILE=/nowhere.pem"] = "tls",
    } do
      assert.equal(result, trusting(variables), variables)
    end
  end)

  it("trusts whom a client names, and all where it verifies nothing, whatever the environment says", function()
    local ca, wrong = helper.certificates() .. "/ca.pem", "CURL_CA_BUNDLE=/nowhere.pem SSL_CERT_DIR=/nowhere SSL_CERT_FILE=/nowhere.pem"
    assert.equal("stop", trusting(wrong, ('ca_file = "%s"'):format(ca)))
    assert.equal("stop", trusting(wrong, "insecure_skip_verify = true"))
    assert.equal("tls", trusting("SSL_CERT_FILE=" .. ca, ('ca_file = "%s/wronghost.pem"'):format(helper.certificates())))
  end)

  -- A shell cannot undo that its parent ignores a signal; the env of coreutils can.
  it("is not ended by SIGPIPE, whatever its server breaks off", function()
    local path = helper.write(PRELUDE .. [[
      for _, scenario in ipairs { "reset_mid_stream:3", "reset_before_head", "reset_after_head", "close_mid_stream:2" } do
        local it = client(scenario, { insecure_skip_verify = true })
        it:chat(("x"):rep(1000000))
        local stream = it:stream "hi"
        if stream then stream:reply() end
        it:close()
      end
      local connection = require "opengatellm.transport.curl".new():connect {
        url = arg[1], headers = {}, proxy = "", tls = { verify = false }, timeouts = { connect = 60, first_byte = 60, idle = 60 },
      }
      connection:send "POST /reset_before_head/v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
      connection:read()
      for _ = 1, 3 do connection:send(("x"):rep(100000)) end
      say "alive"
    ]])
    for _, address in ipairs { helper.tls {}, helper.fault() } do
      local process = assert(io.popen(("env --default-signal=PIPE %s %s %s 2>&1"):format(interpreter(), path, address)))
      local text = process:read "*a"
      process:close()
      assert.equal("alive\n", text)
    end
  end)

  it("may fork: a child that ends leaves its parent's connections alone, and may make its own", function()
    local lua = interpreter()
    local folder = helper.directory()
    local include = lua == "luajit" and "luajit" or lua
    local compiled = os.execute(("env -u LD_PRELOAD cc -shared -fPIC -Wl,-z,nodelete $(pkg-config --cflags %s) -o %s/forked.so tests/hosts/forked.c"):format(include, folder))
    assert(compiled == true or compiled == 0, "the module forked does not compile")
    for _, address in ipairs { helper.fault(), helper.tls {} } do
      local path = helper.write(("package.cpath = %q .. package.cpath\n"):format(folder .. "/?.so;") .. PRELUDE .. [[
        local forked = require "forked"
        local options = { insecure_skip_verify = true }
        local kept = client("keepalive", options)
        assert(kept:chat "hi") -- a connection that is idle
        local stream = assert(client("slow:20", options):stream "hi") -- and one that is not
        assert(stream:next())
        say(forked.run(function() collectgarbage() end))
        say(forked.run(function() assert(client("ok", options):chat "hi") end))
        say(forked.run(function() assert(not kept:chat "hi", "the parent's connection was used") end))
        say(stream:reply().text == %q)
        say(kept:chat("hi") ~= nil)
      ]])
      path = helper.write((helper.read(path):gsub("%%q", function() return ("%q"):format(helper.TEXT) end)))
      local process = assert(io.popen(("%s %s %s 2>&1"):format(lua, path, address)))
      local text = process:read "*a"
      process:close()
      assert.equal("0\n0\n0\ntrue\ntrue\n", text)
    end
  end)
end)
