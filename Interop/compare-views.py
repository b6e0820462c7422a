#!/usr/bin/env python3
"""Brings two masters into the same state, and compares what their readers see: every document, and the event stream in both encodings.

    compare-views.py --ours HOST:PORT --real HOST:PORT [--verbose]

A framework runs a task that finishes and one that goes on. Then each document is compared by its keys and the types of their values, all
the way down, and the events by their order and shape. Known differences stand in docs/compatibility.md under "Documents that differ", one
`NAME` in backticks at the start of a row, or `NAME: PATH` for one key; any other difference makes the exit status 1.
"""
import argparse
import http.client
import json
import os
import re
import sys
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument('--ours', required=True)
parser.add_argument('--real', required=True)
parser.add_argument('--verbose', action='store_true')
options = parser.parse_args()

JSON = 'application/json'
PROTOBUF = 'application/x-protobuf'
INFO = {'user': 'root', 'name': 'views', 'roles': ['dev'], 'principal': 'p', 'hostname': 'h', 'webui_url': 'http://h/',
        'failover_timeout': 60, 'checkpoint': True, 'labels': {'labels': [{'key': 'a', 'value': 'b'}, {'key': 'c'}]},
        'capabilities': [{'type': 'MULTI_ROLE'}, {'type': 'PARTITION_AWARE'}, {'type': 'RESERVATION_REFINEMENT'}]}


def records(response):
    """The records of a stream as they come."""
    while True:
        length = b''
        while not length.endswith(b'\n'):
            byte = response.read(1)
            if not byte:
                return
            length += byte
        size = int(length)
        data = b''
        while len(data) < size:
            piece = response.read(size - len(data))
            if not piece:
                return
            data += piece
        yield data


class Framework:
    """A scheduler that launches what it is told and acknowledges everything."""

    def __init__(self, address):
        self.address = address
        self.connection = http.client.HTTPConnection(address, timeout=30)
        self.connection.request('POST', '/api/v1/scheduler', json.dumps(
            {'type': 'SUBSCRIBE', 'subscribe': {'framework_info': INFO}}), {'Content-Type': JSON, 'Accept': JSON})
        self.response = self.connection.getresponse()
        self.stream = self.response.getheader('Mesos-Stream-Id')
        self.events = records(self.response)
        self.id = self.event('SUBSCRIBED')['subscribed']['framework_id']

    def event(self, kind):
        for record in self.events:
            event = json.loads(record)
            if event['type'] == kind:
                return event
        raise RuntimeError('the stream of %s ended before %s' % (self.address, kind))

    def call(self, kind, **fields):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        connection.request('POST', '/api/v1/scheduler', json.dumps(dict({'type': kind, 'framework_id': self.id}, **fields)),
                           {'Content-Type': JSON, 'Mesos-Stream-Id': self.stream})
        status = connection.getresponse().status
        connection.close()
        if status >= 300:
            raise RuntimeError('%s to %s: %d' % (kind, self.address, status))

    def launch(self, tasks):
        """Launches (id, command) pairs, each with labels and a port, on one agent."""
        offer = self.event('OFFERS')['offers']['offers'][0]
        infos = []
        for number, (name, command) in enumerate(tasks):
            resources = [('cpus', 0.1), ('mem', 32)]
            infos.append({
                'name': name, 'task_id': {'value': name}, 'agent_id': offer['agent_id'],
                'command': {'value': command}, 'labels': {'labels': [{'key': 'k', 'value': 'v'}]},
                'discovery': {'visibility': 'CLUSTER', 'name': name},
                'resources': [{'name': n, 'type': 'SCALAR', 'scalar': {'value': v}, 'allocation_info': {'role': 'dev'}}
                              for n, v in resources]})
        self.call('ACCEPT', accept={'offer_ids': [offer['id']], 'filters': {'refuse_seconds': 1},
                                    'operations': [{'type': 'LAUNCH', 'launch': {'task_infos': infos}}]})

    def until(self, wanted):
        """Acknowledges updates until each task of `wanted` was in its state."""
        while wanted:
            status = self.event('UPDATE')['update']['status']
            if 'uuid' in status:
                self.call('ACKNOWLEDGE', acknowledge={
                    'agent_id': status['agent_id'], 'task_id': status['task_id'], 'uuid': status['uuid']})
            if wanted.get(status['task_id']['value']) == status['state']:
                del wanted[status['task_id']['value']]


class Watcher(threading.Thread):
    """Reads the operator event stream until a framework is removed."""

    def __init__(self, address, encoding):
        super().__init__(daemon=True)
        self.records = []
        self.connection = http.client.HTTPConnection(address, timeout=60)
        self.connection.request('POST', '/api/v1', '{"type":"SUBSCRIBE"}', {'Content-Type': JSON, 'Accept': encoding})
        self.response = self.connection.getresponse()
        self.encoding = encoding
        self.status = self.response.status
        self.headers = {name.lower() for name, _ in self.response.getheaders()} - {'date'}
        self.start()

    def run(self):
        for record in records(self.response):
            self.records.append(record)
            kind = json.loads(record)['type'] if self.encoding == JSON else wire(record)[1][0]
            if kind in ('FRAMEWORK_REMOVED', 8):
                return


def wire(data):
    """The fields of a protobuf message: numbers, and for the first two levels of messages what they hold."""
    fields = {}
    index = 0

    def varint():
        nonlocal index
        value = shift = 0
        while True:
            byte = data[index]
            index += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while index < len(data):
        tag = varint()
        kind = tag & 7
        if kind == 0:
            value = varint()
        elif kind == 1:
            value, index = int.from_bytes(data[index:index + 8], "little"), index + 8
        elif kind == 2:
            length = varint()
            value, index = data[index:index + length], index + length
        elif kind == 5:
            value, index = int.from_bytes(data[index:index + 4], "little"), index + 4
        else:
            raise ValueError('wire type %d' % kind)
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def wire_shape(data, depth=3):
    """Numbers of fields, down to a depth at which everything with a length is a message still."""
    return {number: wire_shape(values[0], depth - 1) if depth > 0 and isinstance(values[0], bytes) else 0
            for number, values in sorted(wire(data).items())}


# What a cluster has of these is its own affair.
FREE = {'flags', 'attributes', 'resources', 'used_resources', 'offered_resources', 'reserved_resources',
        'unreserved_resources', 'capabilities', 'total_resources', 'allocated_resources', 'statistics',
        'unreserved_resources_full', 'used_resources_full', 'offered_resources_full', 'reserved_resources_full',
        'consumed', 'allocated', 'offered', 'reserved', 'reserved_resources_allocated', 'unreserved_resources_allocated'}


def shape(value, name=''):
    if name in FREE:
        return type(value).__name__
    if isinstance(value, dict):
        return {key: shape(item, key) for key, item in value.items()}
    if isinstance(value, list):
        merged = {}
        for item in value:
            found = shape(item)
            if not isinstance(found, dict):
                return [found]
            merge(merged, found)
        return [merged] if merged else []
    return type(value).__name__


def merge(into, other):
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        elif isinstance(value, list) and isinstance(into.get(key), list):
            if value and into[key] and isinstance(value[0], dict) and isinstance(into[key][0], dict):
                merge(into[key][0], value[0])
            elif value:
                into[key] = value
        else:
            into[key] = value


def paths(value, prefix=''):
    """A shape as lines `a.b[].c: type`."""
    if isinstance(value, dict):
        lines = ['%s{}' % prefix] if prefix else []
        for key in sorted(value, key=str):
            lines += paths(value[key], '%s.%s' % (prefix, key) if prefix else str(key))
        return lines
    if isinstance(value, list):
        return paths(value[0], prefix + '[]') if value else [prefix + '[]']
    return ['%s: %s' % (prefix, value)]


def explained():
    page = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'docs', 'compatibility.md')
    with open(page) as file:
        text = file.read().split('## Documents that differ', 1)
    return set(re.findall(r'^\| `([^`]+)`', text[1].split('\n## ')[0], re.M)) if len(text) == 2 else set()


reasons = explained()
counts = {'equal': 0, 'explained': 0, 'different': 0}


def judge(name, ours, real):
    """Compares two lists of lines."""
    missing = [line for line in real if line not in ours]
    extra = [line for line in ours if line not in real]
    left = [(sign, line) for sign, lines in (('-', missing), ('+', extra)) for line in lines
            if '%s: %s' % (name, line) not in reasons and '*: %s' % line not in reasons]
    if not missing and not extra:
        counts['equal'] += 1
        if options.verbose:
            print('equal      ', name)
    elif not left or name in reasons:
        counts['explained'] += 1
        print('explained  ', name)
    else:
        counts['different'] += 1
        print('DIFFERENT  ', name)
        for sign, line in left:
            print('   ', 'real has  ' if sign == '-' else 'ours has  ', line)


def get(address, path):
    connection = http.client.HTTPConnection(address, timeout=30)
    connection.request('GET', path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, response.getheader('Content-Type'), body


def post(address, call):
    connection = http.client.HTTPConnection(address, timeout=30)
    connection.request('POST', '/api/v1', json.dumps(call), {'Content-Type': JSON, 'Accept': JSON})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, response.getheader('Content-Type'), body


def document(answer):
    status, kind, body = answer
    lines = ['status: %d' % status, 'type: %s' % kind]
    if kind == JSON:
        lines += paths(shape(json.loads(body)))
    else:
        lines.append(re.sub(r'\d+', 'N', body.decode('utf-8', 'replace'))[:300])
    return lines


masters = (options.ours, options.real)
watchers = {(address, encoding): Watcher(address, encoding) for address in masters for encoding in (JSON, PROTOBUF)}
frameworks = [Framework(address) for address in masters]
for framework in frameworks:
    framework.launch([('finishes', 'true'), ('goes-on', 'sleep 1000')])
for framework in frameworks:
    framework.until({'finishes': 'TASK_FINISHED', 'goes-on': 'TASK_RUNNING'})

agents = {}
for address in masters:
    place = json.loads(get(address, '/tasks?task_id=goes-on')[2])['tasks'][0]['slave_id']
    agent = json.loads(get(address, '/slaves?slave_id=' + place)[2])['slaves'][0]
    agents[address] = '%s:%d' % (address.split(':')[0], agent['port'])


def settled(agent):
    """Whether the executor of the task that finished has ended; it lives on for a moment."""
    state = json.loads(get(agent, '/state')[2])
    return any(framework['completed_executors'] for framework in state['frameworks'])


deadline = time.monotonic() + 30
for agent in agents.values():
    while not settled(agent):
        if time.monotonic() > deadline:
            sys.exit('the executor of the finished task does not end at ' + agent)
        time.sleep(0.05)

for path in ('/state', '/state-summary', '/slaves', '/frameworks', '/tasks', '/tasks?limit=1', '/roles', '/weights', '/quota',
             '/maintenance/status', '/maintenance/schedule', '/frameworks?framework_id=nosuch', '/slaves?slave_id=nosuch',
             '/tasks?task_id=finishes', '/tasks?order=asc&limit=1&offset=1'):
    judge('GET ' + path, *(document(get(address, path)) for address in masters))
for call in ('GET_STATE', 'GET_TASKS', 'GET_AGENTS', 'GET_FRAMEWORKS', 'GET_EXECUTORS', 'GET_ROLES'):
    judge(call, *(document(post(address, {'type': call})) for address in masters))
for path in ('/state', '/monitor/statistics', '/containers'):
    judge('agent GET ' + path, *(document(get(agents[address], path)) for address in masters))


def keys(address, framework):
    """Names of metrics without what is the run's own."""
    names = json.loads(get(address, '/metrics/snapshot')[2])
    return sorted({re.sub(r'[0-9a-f-]{36}-\d{4}', 'ID', name) for name in names
                   if not name.startswith('master/frameworks/') or framework.id['value'] in name})


# What ours has beyond it harms nobody.
ours, real = (keys(address, framework) for address, framework in zip(masters, frameworks))
judge('metrics', [name for name in ours if name in real], real)

for framework in frameworks:
    framework.call('TEARDOWN')
for watcher in watchers.values():
    watcher.join(30)
for encoding, label in ((JSON, 'JSON'), (PROTOBUF, 'protobuf')):
    pair = [watchers[address, encoding] for address in masters]
    judge('event stream %s: head' % label, *(
        ['status: %d' % watcher.status] + sorted(watcher.headers) for watcher in pair))

    def sequence(watcher):
        kinds = [json.loads(record)['type'] if encoding == JSON else wire(record)[1][0] for record in watcher.records]
        # How often a task is updated on its way is its executor's affair, and heartbeats come by the clock.
        first = {}
        for kind in kinds:
            first.setdefault(kind, len(first))
        return ['%s is number %d' % item for item in first.items()]
    judge('event stream %s: order' % label, *(sequence(watcher) for watcher in pair))

    def shapes(watcher):
        result = {}
        for record in watcher.records:
            if encoding == JSON:
                event = json.loads(record)
                merge(result.setdefault(event['type'], {}), shape(event))
            else:
                merge(result.setdefault(wire(record)[1][0], {}), wire_shape(record, 2))
        return paths(result)
    judge('event stream %s: shape' % label, *(shapes(watcher) for watcher in pair))
print('%(equal)d equal, %(explained)d explained, %(different)d different' % counts)
os._exit(1 if counts['different'] else 0)
