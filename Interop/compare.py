#!/usr/bin/env python3
"""Sends the same requests, good and bad, to two masters and compares status, the headers that matter and the shape of the body.

    compare.py --ours HOST:PORT --real HOST:PORT [--verbose] [--launches]

With --launches only what starts something on an agent, which agents remember: documents are to be compared before.

The shape of a JSON body is its keys and the types of their values; the text of a refusal is compared whole, with identifiers and
numbers of ports masked. Known and explained differences stand in docs/compatibility.md under "Answers that differ", one
`NAME` in backticks at the start of a row; any other difference makes the exit status 1.
"""
import argparse
import json
import os
import re
import socket
import sys

parser = argparse.ArgumentParser()
parser.add_argument('--ours', required=True)
parser.add_argument('--real', required=True)
parser.add_argument('--verbose', action='store_true')
parser.add_argument('--launches', action='store_true')
options = parser.parse_args()

JSON = 'application/json'
PROTOBUF = 'application/x-protobuf'


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def exchange(address, raw, limit=1 << 20, records=None):
    """Sends bytes, reads one answer; of an endless one the first `records` chunks."""
    host, port = address.split(':')
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(raw)
        stream = sock.makefile('rb')
        line = stream.readline().decode('latin-1').split(' ', 2)
        if len(line) < 2:
            return Answer(0, {}, b'')
        headers = {}
        while True:
            text = stream.readline().strip().decode('latin-1')
            if not text:
                break
            name, _, value = text.partition(':')
            headers[name.lower()] = value.strip()
        body = b''
        if headers.get('transfer-encoding') == 'chunked':
            while records is None or records > 0:
                size = int(stream.readline() or b'0', 16)
                chunk = stream.read(size)
                stream.readline()
                if size == 0:
                    break
                body += chunk
                if records is not None:
                    records -= 1
        else:
            body = stream.read(min(limit, int(headers.get('content-length', 0))))
        return Answer(int(line[1]), headers, body)


def request(method, path, headers, body=b'', version='1.1'):
    lines = ['%s %s HTTP/%s' % (method, path, version), 'Host: test', 'Connection: close']
    lines += ['%s: %s' % item for item in headers.items()]
    if body or method == 'POST':
        lines.append('Content-Length: %d' % len(body))
    return '\r\n'.join(lines).encode() + b'\r\n\r\n' + body


def post(path, call, content_type=JSON, accept=JSON, **extra):
    body = call if isinstance(call, bytes) else json.dumps(call).encode()
    headers = {}
    if content_type:
        headers['Content-Type'] = content_type
    if accept:
        headers['Accept'] = accept
    headers.update({name.replace('_', '-'): value for name, value in extra.items()})
    return request('POST', path, headers, body)


SCHEDULER = '/api/v1/scheduler'
INFO = {'user': 'root', 'name': 'compare', 'roles': ['*'], 'capabilities': [{'type': 'MULTI_ROLE'}]}


def subscribe(info=INFO, **extra):
    return dict({'type': 'SUBSCRIBE', 'subscribe': {'framework_info': info}}, **extra)


def cases():
    ops = '/api/v1'
    for call in ('GET_HEALTH', 'GET_VERSION', 'GET_FLAGS', 'GET_AGENTS', 'GET_FRAMEWORKS', 'GET_TASKS', 'GET_EXECUTORS',
                 'GET_STATE', 'GET_MASTER', 'GET_ROLES', 'GET_LOGGING_LEVEL', 'GET_OPERATIONS', 'GET_WEIGHTS',
                 'GET_QUOTA', 'GET_MAINTENANCE_STATUS', 'GET_MAINTENANCE_SCHEDULE'):
        yield call, post(ops, {'type': call}), {}
        yield call + ' protobuf answer', post(ops, {'type': call}, accept=PROTOBUF), {}
    yield 'GET_METRICS', post(ops, {'type': 'GET_METRICS', 'get_metrics': {}}), {}
    yield 'GET_METRICS without get_metrics', post(ops, {'type': 'GET_METRICS'}), {}
    for level, nanoseconds in ((1, 0), (0, 1), (1, -5)):
        yield 'SET_LOGGING_LEVEL %d for %d ns' % (level, nanoseconds), post(
            ops, {'type': 'SET_LOGGING_LEVEL', 'set_logging_level': {'level': level, 'duration': {
                'nanoseconds': nanoseconds}}}), {}
    yield 'SET_LOGGING_LEVEL without set_logging_level', post(ops, {'type': 'SET_LOGGING_LEVEL'}), {}
    for query in ('', '?level=1', '?duration=1secs', '?level=x&duration=1secs', '?level=-1&duration=1secs',
                  '?level=1&duration=x', '?level=1&duration=1', '?level=1&duration=1ns', '?level=0&duration=1secs'):
        yield 'GET /logging/toggle' + query, request('GET', '/logging/toggle' + query, {}), {}
    yield 'POST /logging/toggle', request('POST', '/logging/toggle', {}), {}
    yield 'LIST_FILES unknown', post(ops, {'type': 'LIST_FILES', 'list_files': {'path': '/nosuch'}}), {}
    yield 'READ_FILE unknown', post(ops, {'type': 'READ_FILE', 'read_file': {'path': '/nosuch', 'offset': 0}}), {}
    yield 'LIST_FILES without list_files', post(ops, {'type': 'LIST_FILES'}), {}
    yield 'operator unknown type', post(ops, {'type': 'NO_SUCH'}), {}
    yield 'operator no type', post(ops, {}), {}
    yield 'operator malformed JSON', post(ops, b'{"type": '), {}
    yield 'operator array', post(ops, b'[]'), {}
    yield 'operator malformed protobuf', post(ops, b'\xff\xff\xff', content_type=PROTOBUF), {}
    yield 'operator empty protobuf', post(ops, b'', content_type=PROTOBUF), {}
    yield 'operator GET', request('GET', ops, {}), {}
    yield 'operator PUT', request('PUT', ops, {'Content-Type': JSON}, b'{}'), {}
    yield 'operator no content type', post(ops, {'type': 'GET_HEALTH'}, content_type=None), {}
    yield 'operator charset', post(ops, {'type': 'GET_HEALTH'}, content_type=JSON + '; charset=utf-8'), {}
    yield 'operator text/plain', post(ops, {'type': 'GET_HEALTH'}, content_type='text/plain'), {}
    for accept in (None, '*/*', 'application/*', 'text/html', 'application/json;q=0', PROTOBUF + ',' + JSON,
                   JSON + ';q=0.1,' + PROTOBUF, 'application/json;q=0,*/*', 'application/recordio'):
        yield 'operator accept %s' % accept, post(ops, {'type': 'GET_HEALTH'}, accept=accept), {}
    yield 'operator number for enum', post(ops, b'{"type": 1}'), {}
    yield 'operator deep nesting', post(ops, b'{"type":"GET_HEALTH","x":' + b'[' * 2000 + b']' * 2000 + b'}'), {}
    yield 'master path', post('/master/api/v1', {'type': 'GET_HEALTH'}), {}

    for path in ('/health', '/master/health', '/version', '/flags', '/master/flags', '/state', '/master/state',
                 '/metrics/snapshot', '/redirect', '/master/redirect', '/files/browse', '/files/read', '/files/download',
                 '/files/browse?path=/nosuch', '/files/read?path=/nosuch', '/files/download?path=/nosuch',
                 '/files/read?path=/nosuch&offset=x', '/nosuch', '/', '/master', '/metrics/snapshot?timeout=x'):
        yield 'GET ' + path, request('GET', path, {}), {}
    for path in ('/state-summary', '/slaves', '/frameworks', '/tasks', '/roles', '/weights', '/quota', '/maintenance/status',
                 '/maintenance/schedule'):
        yield 'GET ' + path, request('GET', path, {}), {}
        yield 'GET /master' + path, request('GET', '/master' + path, {}), {}
        yield 'GET %s?jsonp=cb' % path, request('GET', path + '?jsonp=cb', {}), {}
    for path in ('/flags?jsonp=cb', '/version?jsonp=cb', '/files/browse?path=/nosuch&jsonp=cb', '/health?jsonp=cb', '/state.json', '/master/state.json', '/state?jsonp=cb', '/master/nosuch'):
        yield 'GET ' + path, request('GET', path, {}), {}
    yield 'operator SUBSCRIBE', post(ops, {'type': 'SUBSCRIBE'}), {'records': 2}
    yield 'operator SUBSCRIBE protobuf answer', post(ops, {'type': 'SUBSCRIBE'}, accept=PROTOBUF), {'records': 1}
    yield 'operator SUBSCRIBE accept text', post(ops, {'type': 'SUBSCRIBE'}, accept='text/html'), {'records': 1}
    yield 'POST /state', request('POST', '/state', {}), {}
    yield 'POST /redirect', request('POST', '/redirect', {}), {}
    yield 'HTTP/1.0', request('GET', '/health', {}, version='1.0'), {}

    yield 'scheduler GET', request('GET', SCHEDULER, {}), {}
    yield 'SUBSCRIBE', post(SCHEDULER, subscribe()), {'records': 1}
    yield 'SUBSCRIBE protobuf answer', post(SCHEDULER, subscribe(), accept=PROTOBUF), {'records': 1}
    yield 'SUBSCRIBE other path', post('/master/api/v1/scheduler', subscribe()), {'records': 1}
    yield 'SUBSCRIBE with stream id', post(SCHEDULER, subscribe(), Mesos_Stream_Id='x'), {'records': 1}
    yield 'SUBSCRIBE accept text', post(SCHEDULER, subscribe(), accept='text/html'), {'records': 1}
    yield 'SUBSCRIBE without info', post(SCHEDULER, {'type': 'SUBSCRIBE'}), {}
    yield 'SUBSCRIBE info without name', post(SCHEDULER, subscribe({'user': 'root'})), {}
    yield 'SUBSCRIBE both roles', post(SCHEDULER, subscribe(dict(INFO, role='a'))), {'records': 1}
    yield 'SUBSCRIBE bad role', post(SCHEDULER, subscribe(dict(INFO, roles=['a b']))), {'records': 1}
    yield 'SUBSCRIBE duplicate role', post(SCHEDULER, subscribe(dict(INFO, roles=['a', 'a']))), {'records': 1}
    yield 'SUBSCRIBE suppressed unknown role', post(
        SCHEDULER, {'type': 'SUBSCRIBE', 'subscribe': {'framework_info': INFO, 'suppressed_roles': ['b']}}), {'records': 1}
    yield 'SUBSCRIBE negative failover timeout', post(
        SCHEDULER, subscribe(dict(INFO, failover_timeout=-1))), {'records': 1}
    yield 'SUBSCRIBE ids differ', post(
        SCHEDULER, subscribe(dict(INFO, id={'value': 'a'}), framework_id={'value': 'b'})), {'records': 1}
    yield 'scheduler no type', post(SCHEDULER, {}), {}
    yield 'scheduler unknown type', post(SCHEDULER, {'type': 'NO_SUCH'}), {}
    yield 'scheduler malformed', post(SCHEDULER, b'{"type":"SUBSCRIBE"'), {}
    yield 'scheduler not UTF-8', post(SCHEDULER, b'{"type":"SUBSCRIBE","x":"\xff"}'), {}
    framework = {'framework_id': {'value': 'nosuch'}}
    for call, fields in (
            ('TEARDOWN', {}), ('ACCEPT', {'accept': {'offer_ids': []}}), ('DECLINE', {'decline': {'offer_ids': []}}),
            ('REVIVE', {}), ('SUPPRESS', {}), ('KILL', {'kill': {'task_id': {'value': 't'}}}),
            ('RECONCILE', {'reconcile': {'tasks': []}}),
            ('ACKNOWLEDGE', {'acknowledge': {'agent_id': {'value': 'a'}, 'task_id': {'value': 't'},
                                             'uuid': 'AAAAAAAAAAAAAAAAAAAAAA=='}}),
            ('MESSAGE', {'message': {'agent_id': {'value': 'a'}, 'executor_id': {'value': 'e'}, 'data': 'eA=='}}),
            ('SHUTDOWN', {'shutdown': {'executor_id': {'value': 'e'}, 'agent_id': {'value': 'a'}}}),
            ('REQUEST', {'request': {'requests': []}})):
        yield call + ' unknown framework', post(SCHEDULER, dict({'type': call}, **framework, **fields)), {}
        yield call + ' without framework', post(SCHEDULER, dict({'type': call}, **fields)), {}
        if fields:
            yield call + ' without its message', post(SCHEDULER, dict({'type': call}, **framework)), {}


class Session:
    """A subscribed framework on one master, to send calls of."""

    def __init__(self, address):
        self.address = address
        host, port = address.split(':')
        self.sock = socket.create_connection((host, int(port)), timeout=10)
        self.sock.sendall(post(SCHEDULER, subscribe()).replace(b'Connection: close\r\n', b''))
        self.reader = self.sock.makefile('rb')
        self.headers = {}
        self.reader.readline()
        while True:
            line = self.reader.readline().strip().decode()
            if not line:
                break
            name, _, value = line.partition(':')
            self.headers[name.lower()] = value.strip()
        self.buffer = b''
        self.framework = self.event('SUBSCRIBED')['subscribed']['framework_id']

    def event(self, kind):
        while True:
            head, found, rest = self.buffer.partition(b'\n')
            if found and len(rest) >= int(head):
                record, self.buffer = rest[:int(head)], rest[int(head):]
                event = json.loads(record)
                if event['type'] == kind:
                    return event
                continue
            size = int(self.reader.readline(), 16)
            self.buffer += self.reader.read(size)
            self.reader.readline()

    def call(self, kind, stream=None, raw=None, **fields):
        call = raw or dict({'type': kind, 'framework_id': self.framework}, **fields)
        return exchange(self.address, post(
            SCHEDULER, call, Mesos_Stream_Id=self.headers['mesos-stream-id'] if stream is None else stream))

    def update(self, **fields):
        """A status update that follows an ACCEPT of one task, without what differs by nature."""
        offer = self.event('OFFERS')['offers']['offers'][0]
        task = {'name': 't', 'task_id': {'value': 't'}, 'agent_id': offer['agent_id'], 'command': {'value': 'true'},
                'resources': [{'name': 'cpus', 'type': 'SCALAR', 'scalar': {'value': 0.1},
                               'allocation_info': {'role': '*'}},
                              {'name': 'mem', 'type': 'SCALAR', 'scalar': {'value': 32},
                               'allocation_info': {'role': '*'}}]}
        for name, value in fields.items():
            if value is None:
                task.pop(name, None)
            else:
                task[name] = value
        offers = [offer['id']]
        answer = self.call('ACCEPT', accept={
            'offer_ids': offers, 'filters': {'refuse_seconds': 0},
            'operations': [{'type': 'LAUNCH', 'launch': {'task_infos': [task]}}]})
        if answer.status != 202:
            return answer
        status = self.event('UPDATE')['update']['status']
        return Answer(answer.status, answer.headers, json.dumps(status).encode())

    def group(self, change=lambda operation: None, kill=None):
        """The status updates that follow an ACCEPT of a group of two tasks, one of each, without what differs by nature."""
        offer = self.event('OFFERS')['offers']['offers'][0]
        executor = {'type': 'CUSTOM', 'executor_id': {'value': 'pod'}, 'framework_id': self.framework,
                    'command': {'value': 'exit 1'}, 'resources': scalars(cpus=0.1, mem=32, disk=1)}
        tasks = [{'name': name, 'task_id': {'value': name}, 'agent_id': offer['agent_id'],
                  'resources': scalars(cpus=0.1, mem=32)} for name in ('a', 'b')]
        operation = {'type': 'LAUNCH_GROUP', 'launch_group': {'executor': executor, 'task_group': {'tasks': tasks}}}
        change(operation)
        answer = self.call('ACCEPT', accept={
            'offer_ids': [offer['id']], 'filters': {'refuse_seconds': 0}, 'operations': [operation]})
        if answer.status != 202:
            return answer
        if kill:
            self.call('KILL', kill={'task_id': {'value': kill}})
        statuses = [self.event('UPDATE')['update']['status'] for _ in tasks]
        statuses.sort(key=lambda status: status['task_id']['value'])
        return Answer(answer.status, answer.headers, json.dumps(
            {'task %d' % number: status for number, status in enumerate(statuses)}).encode())


def scalars(**amounts):
    return [{'name': name, 'type': 'SCALAR', 'scalar': {'value': amount}, 'allocation_info': {'role': '*'}}
            for name, amount in amounts.items()]


def group_cases():
    """Groups, good and bad: a name and what is changed in the operation."""
    def tasks(number, **fields):
        def change(operation):
            task = operation['launch_group']['task_group']['tasks'][number]
            task.update(fields)
            for name in [name for name, value in fields.items() if value is None]:
                del task[name]
        return change

    def executor(**fields):
        def change(operation):
            info = operation['launch_group']['executor']
            info.update(fields)
            for name in [name for name, value in fields.items() if value is None]:
                del info[name]
        return change

    docker = {'type': 'DOCKER', 'docker': {'image': 'busybox'}}
    apart = {'type': 'MESOS', 'linux_info': {'share_cgroups': False}}
    other = {'type': 'CUSTOM', 'executor_id': {'value': 'other'}, 'command': {'value': 'true'}}
    probe = {'type': 'HTTP', 'http': {'port': 80}}
    return (
        ('with an id', lambda operation: operation.update(id={'value': 'op'})),
        ('bad task id', tasks(1, task_id={'value': 'a/b'})),
        ('task without resources', tasks(1, resources=[])),
        ('negative resources', tasks(0, resources=[{'name': 'cpus', 'type': 'SCALAR', 'scalar': {'value': -1}}])),
        ('beyond the offer', tasks(1, resources=scalars(cpus=1e6))),
        ('on another agent', tasks(1, agent_id={'value': 'nosuch'})),
        ('task with another executor', tasks(1, executor=other)),
        ('task in docker', tasks(1, container=docker)),
        ('task with a network and a health check', tasks(
            1, container={'type': 'MESOS', 'network_infos': [{'name': 'net'}]}, health_check=probe)),
        ('limits in shared cgroups', tasks(
            1, limits={'cpus': {'value': 2}}, container={'type': 'MESOS', 'linux_info': {'share_cgroups': True}})),
        ('one task apart', tasks(1, container=apart)),
        ('executor without type', executor(type=None)),
        ('executor without framework', executor(framework_id=None)),
        ('executor of another framework', executor(framework_id={'value': 'nosuch'})),
        ('executor without command', executor(command=None)),
        ('default executor with a command', executor(type='DEFAULT')),
        ('default executor in docker', executor(type='DEFAULT', command=None, container=docker)),
        ('executor in docker', executor(container=docker)),
        ('executor shares cgroups', executor(container={'type': 'MESOS', 'linux_info': {'share_cgroups': True}})),
        ('executor without resources', executor(resources=[])),
        ('executor with little memory', executor(resources=scalars(cpus=0.1, mem=16, disk=1))),
        ('executor with few cpus', executor(resources=scalars(cpus=0.001, mem=32, disk=1))),
        ('executor without disk', executor(resources=scalars(cpus=0.1, mem=32))),
        ('executor with negative grace', executor(shutdown_grace_period={'nanoseconds': -1})),
    )


def subscribed_cases():
    """Calls of a subscribed framework: a function of a session to an answer."""
    yield 'empty stream id', lambda s: s.call('REVIVE', stream='')
    yield 'stale stream id', lambda s: s.call('REVIVE', stream='00000000-0000-4000-8000-000000000000')
    yield 'REVIVE', lambda s: s.call('REVIVE')
    yield 'REVIVE unknown role', lambda s: s.call('REVIVE', revive={'roles': ['nosuch']})
    yield 'SUPPRESS', lambda s: s.call('SUPPRESS')
    yield 'SUPPRESS bad role', lambda s: s.call('SUPPRESS', suppress={'roles': ['a b']})
    yield 'DECLINE unknown offer', lambda s: s.call('DECLINE', decline={'offer_ids': [{'value': 'nosuch'}]})
    yield 'ACCEPT without message', lambda s: s.call('ACCEPT')
    yield 'KILL without message', lambda s: s.call('KILL')
    yield 'ACKNOWLEDGE bad uuid', lambda s: s.call('ACKNOWLEDGE', acknowledge={
        'agent_id': {'value': 'a'}, 'task_id': {'value': 't'}, 'uuid': 'eA=='})
    yield 'ACKNOWLEDGE no base64', lambda s: s.call('ACKNOWLEDGE', acknowledge={
        'agent_id': {'value': 'a'}, 'task_id': {'value': 't'}, 'uuid': '!!'})
    yield 'UPDATE_FRAMEWORK user', lambda s: s.call('UPDATE_FRAMEWORK', update_framework={
        'framework_info': dict(INFO, user='other', id=s.framework)})
    yield 'UPDATE_FRAMEWORK', lambda s: s.call('UPDATE_FRAMEWORK', update_framework={
        'framework_info': dict(INFO, name='renamed', id=s.framework)})

    def reconcile(session):
        answer = session.call('RECONCILE', reconcile={'tasks': [{'task_id': {'value': 'nosuch'}}]})
        status = session.event('UPDATE')['update']['status']
        return Answer(answer.status, answer.headers, json.dumps(status).encode())
    yield 'RECONCILE unknown task', reconcile

    def kill(session):
        answer = session.call('KILL', kill={'task_id': {'value': 'nosuch'}})
        status = session.event('UPDATE')['update']['status']
        return Answer(answer.status, answer.headers, json.dumps(status).encode())
    yield 'KILL unknown task', kill

    big = [{'name': 'cpus', 'type': 'SCALAR', 'scalar': {'value': 1e6}, 'allocation_info': {'role': '*'}}]
    yield 'LAUNCH beyond the offer', lambda s: s.update(resources=big)
    yield 'LAUNCH without command', lambda s: s.update(command=None)
    yield 'LAUNCH without resources', lambda s: s.update(resources=[])
    yield 'LAUNCH negative resources', lambda s: s.update(resources=[
        {'name': 'cpus', 'type': 'SCALAR', 'scalar': {'value': -1}}])
    yield 'LAUNCH on another agent', lambda s: s.update(agent_id={'value': 'nosuch'})
    yield 'LAUNCH bad task id', lambda s: s.update(task_id={'value': 'a/b'})
    yield 'LAUNCH executor and command', lambda s: s.update(executor={
        'executor_id': {'value': 'e'}, 'command': {'value': 'true'}, 'framework_id': s.framework})

    for title, change in group_cases():
        yield 'LAUNCH_GROUP ' + title, lambda s, change=change: s.group(change)

    def used(session):
        offer = session.event('OFFERS')['offers']['offers'][0]
        task = {'name': 't', 'task_id': {'value': 't2'}, 'agent_id': offer['agent_id'], 'command': {'value': 'true'},
                'resources': [{'name': 'cpus', 'type': 'SCALAR', 'scalar': {'value': 0.1}}]}
        session.call('DECLINE', decline={'offer_ids': [offer['id']]})
        answer = session.call('ACCEPT', accept={
            'offer_ids': [offer['id']], 'operations': [{'type': 'LAUNCH', 'launch': {'task_infos': [task]}}]})
        status = session.event('UPDATE')['update']['status']
        return Answer(answer.status, answer.headers, json.dumps(status).encode())
    yield 'offer used twice', used
    yield 'TEARDOWN', lambda s: s.call('TEARDOWN')


def launching_cases():
    """As above, with tasks that reach an agent."""
    yield 'LAUNCH_GROUP whose executor ends', lambda s: s.group()

    def sleeps(operation):
        operation['launch_group']['executor']['command']['value'] = 'sleep 60'
    yield 'LAUNCH_GROUP killed on the way', lambda s: s.group(sleeps, kill='b')


MASKS = (
    (r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(-[SO]?\d+)?', '<id>'),
    (r'127\.0\.0\.1:\d+', '<address>'), (r"'[^']*' included in this request didn't", "<stream> included in this request didn't"),
)
# Names of metrics and flags, and the objects that happen to be there, are no shape.
FREE = {'flags', 'metrics', 'agents', 'frameworks', 'completed_frameworks', 'tasks', 'completed_tasks', 'roles', 'slaves',
        'executors', 'recovered_agents', 'capabilities', 'attributes', 'resources', 'completed_executors'}


def shape(value, name=''):
    if isinstance(value, dict):
        if name in FREE:
            return {}
        return {key: shape(item, key) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return []
    if isinstance(value, str) and name in ('message', 'reason', 'state', 'source', 'type'):
        return masked(value)
    return type(value).__name__


def masked(text):
    for pattern, replacement in MASKS:
        text = re.sub(pattern, replacement, text)
    return text


def digest(answer):
    """What two answers are compared by."""
    kind = answer.headers.get('content-type', '')
    result = {'status': answer.status, 'content-type': kind}
    for name in ('allow', 'transfer-encoding', 'location', 'www-authenticate'):
        if name in answer.headers:
            result[name] = masked(answer.headers[name])
    result['mesos-stream-id'] = 'mesos-stream-id' in answer.headers
    body = answer.body
    if kind == PROTOBUF:
        result['body'] = 'some' if body else 'none'
    elif kind == JSON or (not kind and body[:1] == b'{'):
        text = body
        if result.get('transfer-encoding') and b'\n' in body[:12] and body[:1].isdigit():
            shapes = []
            while text:
                head, _, rest = text.partition(b'\n')
                shapes.append(shape(json.loads(rest[:int(head)])))
                text = rest[int(head):]
            result['body'] = shapes
        else:
            tree = json.loads(text) if text else None
            # A page of metrics is one object whose names depend on what has happened.
            result['body'] = 'metrics' if isinstance(tree, dict) and 'master/elected' in tree else shape(tree)
    elif kind == 'text/javascript':
        text = body.decode('utf-8', 'replace')
        call = re.match(r'(\w+\()(.*)(\))$', text, re.S)
        result['body'] = [call.group(1), shape(json.loads(call.group(2))), call.group(3)] if call else text
    else:
        result['body'] = masked(body.decode('utf-8', 'replace'))
    return result


def explained():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'docs', 'compatibility.md')
    try:
        with open(path) as file:
            text = file.read().split('## Answers that differ', 1)
    except OSError:
        return set()
    return set(re.findall(r'^\| `([^`]+)`', text[1], re.M)) if len(text) == 2 else set()


reasons = explained()
equal, known, wrong = 0, [], []


def judge(name, ours, real):
    global equal
    if ours == real:
        equal += 1
        if options.verbose:
            print('equal      ', name)
    elif name in reasons:
        known.append(name)
        print('explained  ', name)
    else:
        wrong.append(name)
        print('DIFFERENT  ', name)
        for key in sorted(set(ours) | set(real)):
            if ours.get(key) != real.get(key):
                print('    %s\n      ours: %.1000s\n      real: %.1000s' % (key, ours.get(key), real.get(key)))


def attempt(function):
    try:
        return digest(function())
    except Exception as error:  # whatever one of them does wrong is a difference, not an end
        return {'error': '%s: %s' % (type(error).__name__, error)}


for name, raw, how in () if options.launches else cases():
    judge(name, *(attempt(lambda: exchange(address, raw, **how)) for address in (options.ours, options.real)))
for name, run in launching_cases() if options.launches else subscribed_cases():
    results = []
    for address in (options.ours, options.real):
        def one():
            session = Session(address)
            try:
                return run(session)
            finally:
                if name != 'TEARDOWN':
                    session.call('TEARDOWN')
                session.sock.close()
        results.append(attempt(one))
    judge(name, *results)
print('%d equal, %d explained, %d different' % (equal, len(known), len(wrong)))
sys.exit(1 if wrong else 0)
