-- What a handler costs at the least that decodes the question, asks over a cosocket and encodes the answer: no checks, no errors, no
-- HTTP but the one answer that the server of the benchmark gives.
local cjson = require "cjson"

ngx.req.read_body()
local body = cjson.encode(cjson.decode(ngx.req.get_body_data()))
local socket = ngx.socket.tcp()
socket:settimeouts(10000, 10000, 10000)
assert(socket:connect(ngx.var.bare_host, tonumber(ngx.var.bare_port), { pool_size = 256 }))
socket:send {
  "POST /small/v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ", #body, "\r\n\r\n", body,
}
local answer = socket:receiveany(65536)
socket:setkeepalive(60000, 256)
local reply = cjson.decode(answer:match "\r\n\r\n(.*)")
ngx.header["content-type"] = "application/json"
ngx.print(cjson.encode { text = reply.choices[1].message.content, finish_reason = reply.choices[1].finish_reason, usage = reply.usage })
