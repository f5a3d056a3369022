"""Who may call, and that nothing a client sends brings more than one sentence back."""

import http.client
import json
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from .conftest import serving

WRONG = [None, True, -1, 1.5, 10**30, "x", "", [], {}, [["x"]], [1e99], "a" * 30_000, "\ud800"]
CALLS = {
    "sample": {"model": "gru.safetensors", "prime": "the", "written": [1], "length": 3,
               "temperature": 1, "top_k": 2, "top_p": 0.5, "greedy": False, "stop": "x", "seed": 1},
    "score": {"model": "gru.safetensors", "text": "the"},
    "classify": {"model": "classifier.safetensors", "text": "the"},
    "tag": {"model": "tagger.safetensors", "text": "the"},
    "states": {"model": "gru.safetensors", "text": "the", "layer": 0, "part": "r"},
    "unit": {"model": "gru.safetensors", "unit": 1, "layer": 0, "part": "r", "sign": 1,
             "corpus": "the dog"},
    "similar": {"model": "gru.safetensors", "text": "the", "start": 0, "end": 1, "layer": 0,
                "part": "r", "threshold": 0.3, "corpus": "the dog"},
    "steps": {"model": "gru.safetensors", "text": "the", "from": 0, "steps": 2, "units": 4},
}  # fmt: skip


def sentence(response, *statuses: int) -> str:
    """The message of a refusal, having asserted that it is one JSON sentence."""
    assert response.status_code in statuses, f"{response.status_code}: {response.text[:300]}"
    error = response.json()["error"]
    assert list(response.json()) == ["error"] and set(error) == {"status", "message"}
    assert error["status"] == response.status_code
    message = error["message"]
    assert isinstance(message, str) and 10 < len(message) < 500 and "\n" not in message
    assert "Traceback" not in message and "Error(" not in message
    return message


def raw(server, method: str, path: str, headers: dict[str, str], body: bytes = b""):
    """A request whose Host and path are sent as they are."""
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=90)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def host(server) -> str:
    return urlsplit(server.url).netloc


@pytest.mark.parametrize(
    "name",
    ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example",
     "192.168.1.5", "127.0.0.1@evil.example", "[::2]:{port}", "", "127.0.0.2",
     "127.0.0.1:1@evil.example"],
)  # fmt: skip
def test_a_foreign_host_is_refused(server, name):
    port = urlsplit(server.url).port
    status, text = raw(server, "GET", "/api/model", {"Host": name.format(port=port)})
    assert status in (400, 403), text
    if status == 403:
        assert "Host" in json.loads(text)["error"]["message"]


@pytest.mark.parametrize("name", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST", "[::1]:1"])
def test_the_names_of_this_machine_are_not(server, name):
    port = urlsplit(server.url).port
    status, _ = raw(server, "GET", "/api/model", {"Host": name.format(port=port)})
    assert status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://{host}", "http://{host}.x",
                                    "http://localhost:1", ""])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_foreign_origin_is_refused(server, origin, method):
    headers = {"Host": host(server), "Origin": origin.format(host=host(server)),
               "X-Elman-Token": server.token}  # fmt: skip
    status, text = raw(server, method, "/api/score", headers, b'{"text": "the"}')
    assert status == 403, text


def test_its_own_origin_is_not(server):
    headers = {"Host": host(server), "Origin": f"http://{host(server)}",
               "X-Elman-Token": server.token}  # fmt: skip
    body = b'{"text": "the", "model": "gru.safetensors"}'
    assert raw(server, "POST", "/api/score", headers, body)[0] == 200


@pytest.mark.parametrize("token", [None, "", "x", "é", "{token}x", "{token[0]}"])
@pytest.mark.parametrize(
    "call", [*CALLS, "train/pause", "train/stop", "train/resume", "train/learning-rate"]
)
def test_a_call_needs_the_token(server, call, token):
    given = {} if token is None else {"X-Elman-Token": token.format(token=server.token)}
    given = {name: value.encode() for name, value in given.items()}
    with server.client() as client:
        client.headers.pop("X-Elman-Token")
        response = client.post(f"/api/{call}", json={}, headers=given)
    assert "token" in sentence(response, 401).lower()


def test_the_page_has_the_token_and_the_description_does_not(server):
    assert f'name="elman-token" content="{server.token}"' in server.get("/").text
    assert server.token not in server.get("/api/model").text


@pytest.mark.parametrize(
    "path", ["/", "/static/app.js", "/static/none.js", "/api/model", "/api/none", "/api/score"]
)
def test_every_answer_has_the_headers(server, path):
    headers = server.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


@pytest.mark.parametrize(
    "name",
    ["../models.safetensors", "../../etc/passwd", "/etc/passwd", "./gru.safetensors", "gru",
     "names/../gru.safetensors", "text.txt", "names", "", ".", "gru.safetensors\0", "*", "~"],
)  # fmt: skip
def test_only_the_names_in_the_list_are_models(server, models, name):
    for response in (
        server.post("score", model=name, text="the"),
        server.get("/api/model", model=name),
    ):
        assert "no model of that name" in sentence(response, 404)
    whole = server.post("score", model=str(models / "gru.safetensors"), text="the")
    sentence(whole, 404)


def test_links_that_lead_out_of_the_folder_are_no_models(models, tmp_path):
    inside = tmp_path / "served"
    inside.mkdir()
    (inside / "own.safetensors").write_bytes((models / "gru.safetensors").read_bytes())
    (inside / "linked.safetensors").symlink_to(inside / "own.safetensors")
    (inside / "out.safetensors").symlink_to(models / "rnn.safetensors")
    (inside / "gone.safetensors").symlink_to(tmp_path / "nothing")
    (inside / "ring.safetensors").symlink_to(inside / "ring.safetensors")
    with serving("serve", inside) as server:
        listed = server.get("/api/model").json()["models"]
        assert listed == ["linked.safetensors", "own.safetensors"]
        sentence(server.get("/api/model", modle="own.safetensors"), 400)
        sentence(server.post("score", model="out.safetensors", text="the"), 404)


def test_one_model_served_is_the_only_one(models):
    with serving("serve", models / "gru.safetensors") as server:
        assert server.get("/api/model").json()["models"] == ["gru.safetensors"]
        sentence(server.post("score", model="rnn.safetensors", text="the"), 404)


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd",
     "/static/", "/static", "//", "/api"],
)  # fmt: skip
def test_nothing_else_of_the_disk_is_served(server, path):
    status, text = raw(server, "GET", path, {"Host": host(server)})
    assert status == 404, text
    assert "import" not in text and "root:" not in text


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"3", b'"x"', b"null", b"\xff\xfe", b"{}x", b'{"text": NaN}', b"[" * 100_000,
     b'{"a":' * 50_000, b'{"text": "the", "text2": 1}', b'{"text": ' + b"9" * 5000 + b"}",
     b"model=gru.safetensors&text=the"],
)  # fmt: skip
def test_a_body_that_is_none_gets_one_sentence(server, body):
    with server.client() as client:
        sentence(client.post("/api/score", content=body), 400)


@pytest.mark.parametrize("call", CALLS)
def test_wrong_arguments_get_one_sentence(server, call):
    with server.client() as client:
        right = client.post(f"/api/{call}", json=CALLS[call])
        assert right.status_code == 200, right.text
        for name in CALLS[call]:
            for value in WRONG:
                body = json.dumps(CALLS[call] | {name: value}).encode()
                response = client.post(f"/api/{call}", content=body)
                if response.status_code != 200:
                    sentence(response, 400, 404)
        missing = client.post(f"/api/{call}", json={"model": CALLS[call]["model"], "extra": 1})
        assert "argument" in sentence(missing, 400)


def test_numbers_that_would_mean_nothing_are_refused(server):
    assert "sign" in sentence(server.post("unit", **CALLS["unit"] | {"sign": 0}), 400)
    for threshold in (0, -1):
        response = server.post("similar", **CALLS["similar"] | {"threshold": threshold})
        assert "threshold" in sentence(response, 400)


@pytest.mark.parametrize("call", ["states", "steps", "unit", "similar"])
@pytest.mark.parametrize("name", ["ngram", "classifier"])
def test_a_model_of_another_kind_gets_one_sentence(server, call, name):
    response = server.post(call, **CALLS[call] | {"model": f"{name}.safetensors"})
    if response.status_code != 200:
        sentence(response, 400)


def test_too_much_is_refused_before_it_is_read(server):
    with server.client() as client:
        assert "longer than" in sentence(client.post("/api/score", content=b" " * 1_100_000), 413)
        text = {"model": "gru.safetensors", "text": "the " * 5001}
        assert "20,000" in sentence(client.post("/api/score", json=text), 400)
        long = {"model": "gru.safetensors", "length": 20_001}
        assert "20,000" in sentence(client.post("/api/sample", json=long), 400)


def test_a_length_that_is_too_much_is_refused_before_the_body_comes(server):
    headers = {"Host": host(server), "X-Elman-Token": server.token, "Content-Length": "99000000"}
    place = urlsplit(server.url)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((place.hostname, place.port), timeout=90) as connection:
        connection.sendall(f"POST /api/score HTTP/1.1\r\n{head}\r\n".encode())
        assert b" 413 " in connection.recv(65536).split(b"\r\n")[0]


def test_arguments_in_the_wrong_place_are_refused(server):
    with server.client() as client:
        assert "body" in sentence(client.post("/api/score?text=a", json=CALLS["score"]), 400)


def test_a_body_without_length_is_limited_too(server):
    def pieces():
        for _ in range(40):
            yield b" " * 65536

    with server.client() as client:
        sentence(client.post("/api/score", content=pieces()), 413)


def test_addresses_and_methods(server):
    with server.client() as client:
        sentence(client.get("/nothing"), 404)
        sentence(client.post("/api/nothing"), 404)
        assert "POST" in sentence(client.get("/api/score"), 405)
        sentence(client.delete("/api/model"), 405)
        sentence(client.get("/api/train/events"), 404)
        sentence(client.post("/api/train/stop", json={}), 404)


def test_what_is_not_http_is_closed(server):
    place = urlsplit(server.url)
    for garbage in (b"\0" * 100, b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000):
        with socket.create_connection((place.hostname, place.port), timeout=90) as connection:
            connection.sendall(garbage)
            answer = connection.recv(65536)
            assert not answer or b" 400 " in answer.split(b"\r\n")[0]
    assert server.get("/api/model").status_code == 200


def test_damaged_models_are_said_and_the_others_served(models, tmp_path):
    whole = (models / "gru.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.safetensors").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    (tmp_path / "c.safetensors").write_bytes(whole)
    with serving("serve", tmp_path) as server:
        answer = server.get("/api/model").json()
        assert answer["model"]["name"] == "c.safetensors"
        for name in ("a.safetensors", "b.safetensors"):
            message = sentence(server.get("/api/model", model=name), 422)
            assert name in message and str(tmp_path) not in message


def test_a_damaged_model_alone_is_said_at_the_start(models, tmp_path):
    (tmp_path / "a.safetensors").write_bytes((models / "gru.safetensors").read_bytes()[:-9])
    (tmp_path / "notes.txt").write_text("no model\n")
    for name in ("a.safetensors", "notes.txt"):
        ended = subprocess.run(
            [sys.executable, "-m", "elman", "serve", tmp_path / name, "--port", "0"],
            capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert ended.returncode == 1 and not ended.stdout
        assert name in ended.stderr and "Traceback" not in ended.stderr


def test_a_model_that_is_replaced_is_read_again(models, tmp_path):
    path = tmp_path / "m.safetensors"
    path.write_bytes((models / "gru.safetensors").read_bytes())
    with serving("serve", tmp_path) as server:
        assert server.get("/api/model").json()["model"]["cell"] == "gru"
        path.unlink()
        sentence(server.get("/api/model"), 404)
        path.write_bytes((models / "rnn.safetensors").read_bytes())
        assert server.get("/api/model").json()["model"]["cell"] == "rnn"
