#!/usr/bin/env python3
"""Makes the same changes to quotas, weights, agents and machines of this project's cluster and of a real Apache Mesos,
and fails where statuses, texts or what is read afterwards differ. Both are left as they were found."""

import argparse
import json
import sys
import urllib.error
import urllib.request

# What differs on purpose; docs/compatibility.md says why.
EXPECTED = {
    'GET_QUOTA after removal': 'a role whose quota is nothing is not shown',
}


class Cluster:
    def __init__(self, address):
        self.address = address
        agent = self.call('GET_AGENTS')[1]['get_agents']['agents'][0]
        self.names = {
            'AGENT': agent['agent_info']['id']['value'], 'HOST': agent['agent_info']['hostname'],
            'IP': agent['pid'].split('@')[1].split(':')[0]}

    def send(self, method, path, body):
        headers = {'Content-Type': 'application/json', 'Accept': 'application/json'}
        request = urllib.request.Request(
            'http://' + self.address + path, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def call(self, type, **fields):
        status, text = self.send('POST', '/api/v1', json.dumps(dict(fields, type=type)).encode())
        return status, json.loads(text) if status == 200 and text else text

    def filled(self, value):
        text = json.dumps(value)
        for name, actual in self.names.items():
            text = text.replace('"%s"' % name, json.dumps(actual))
        return json.loads(text)

    def emptied(self, value):
        text = json.dumps(value, sort_keys=True)
        for name, actual in sorted(self.names.items(), key=lambda item: -len(item[1])):
            text = text.replace(actual, name)
        return text


def quota(role, guarantees=None, limits=None):
    def amounts(values):
        return {name: {'value': value} for name, value in values.items()}
    return {'role': role, 'guarantees': amounts(guarantees or {}), 'limits': amounts(limits or {})}


def update(*configs, **fields):
    return 'UPDATE_QUOTA', {'update_quota': dict(fields, quota_configs=list(configs))}


def request(role, cpus, **fields):
    guarantee = [{'name': 'cpus', 'type': 'SCALAR', 'scalar': {'value': cpus}}] if cpus else []
    return 'SET_QUOTA', {'set_quota': {'quota_request': dict(fields, role=role, guarantee=guarantee)}}


def weigh(role, weight):
    return 'UPDATE_WEIGHTS', {'update_weights': {'weight_infos': [{'role': role, 'weight': weight}]}}


OTHER = {'hostname': 'other', 'ip': '10.0.0.9'}
OWN = {'hostname': 'HOST', 'ip': 'IP'}


def schedule(*machines):
    windows = [{'machine_ids': list(machines), 'unavailability': {'start': {'nanoseconds': 5}}}] if machines else []
    return 'UPDATE_MAINTENANCE_SCHEDULE', {'update_maintenance_schedule': {'schedule': {'windows': windows}}}


def machines(type, *ids):
    return type, {type.lower(): {'machines': list(ids)}}


def agent(type, id, **fields):
    return type, {type.lower(): dict(fields, agent_id={'value': id})}


def cases():
    yield 'quota without a field', ('UPDATE_QUOTA', {})
    yield 'quota of nobody', update()
    yield 'quota', update(quota('dev', {'cpus': 1}, {'cpus': 2, 'mem': 1024}))
    yield 'GET_QUOTA', ('GET_QUOTA', {})
    yield 'guarantee above the limit', update(quota('dev', {'cpus': 3}, {'cpus': 2}))
    yield 'nested role', update(quota('a/b', {'cpus': 1}))
    yield 'no role', update(quota('', {'cpus': 1}))
    yield 'negative amount', update(quota('dev', {'cpus': -1}))
    yield 'SET_QUOTA', request('old', 1)
    yield 'SET_QUOTA again', request('old', 1)
    yield 'SET_QUOTA of nothing', request('x', 0)
    yield 'REMOVE_QUOTA', ('REMOVE_QUOTA', {'remove_quota': {'role': 'old'}})
    yield 'quota removed', update(quota('dev'))
    yield 'GET_QUOTA after removal', ('GET_QUOTA', {})
    yield 'weight', weigh('dev', 2.5)
    yield 'weight of zero', weigh('dev', 0)
    yield 'weight below zero', weigh('dev', -1.5)
    yield 'weight of a bad role', weigh('a//b', 1)
    yield 'GET_WEIGHTS', ('GET_WEIGHTS', {})
    yield 'weight as before', weigh('dev', 1)
    yield 'schedule', schedule(OWN, OTHER)
    yield 'GET_MAINTENANCE_SCHEDULE', ('GET_MAINTENANCE_SCHEDULE', {})
    yield 'drain in a schedule', agent('DRAIN_AGENT', 'AGENT')
    yield 'start of an unknown machine', machines('START_MAINTENANCE', {'hostname': 'nobody', 'ip': '10.0.0.1'})
    yield 'start of none', machines('START_MAINTENANCE')
    yield 'start twice', machines('START_MAINTENANCE', OTHER, OTHER)
    yield 'start of a machine without a name', machines('START_MAINTENANCE', {})
    yield 'start of a bad address', machines('START_MAINTENANCE', {'hostname': 'other', 'ip': '10.0.0'})
    yield 'stop of one that is not down', machines('STOP_MAINTENANCE', OTHER)
    yield 'start', machines('START_MAINTENANCE', OTHER)
    yield 'start of one that is down', machines('START_MAINTENANCE', OTHER)
    yield 'GET_MAINTENANCE_STATUS', ('GET_MAINTENANCE_STATUS', {})
    yield 'schedule without one that is down', schedule()
    yield 'stop', machines('STOP_MAINTENANCE', OTHER)
    yield 'GET_MAINTENANCE_SCHEDULE after stop', ('GET_MAINTENANCE_SCHEDULE', {})
    yield 'empty schedule', schedule()
    yield 'deactivate nobody', agent('DEACTIVATE_AGENT', 'nobody')
    yield 'deactivate', agent('DEACTIVATE_AGENT', 'AGENT')
    yield 'reactivate', agent('REACTIVATE_AGENT', 'AGENT')
    yield 'reactivate again', agent('REACTIVATE_AGENT', 'AGENT')
    yield 'drain nobody', agent('DRAIN_AGENT', 'nobody')
    yield 'drain for a text', agent('DRAIN_AGENT', 'AGENT', max_grace_period='5s')
    yield 'drain', agent('DRAIN_AGENT', 'AGENT', max_grace_period={'seconds': 5})
    yield 'gone nobody', agent('MARK_AGENT_GONE', 'nobody')


LEGACY = [
    ('POST', '/quota', 'x'), ('DELETE', '/quota', ''), ('PUT', '/weights', '[{"role":"dev","weight":1}]'),
    ('PUT', '/weights', '[{"role":"dev"}]'), ('POST', '/machine/down', '[]'), ('POST', '/machine/up', '[]'),
    ('POST', '/maintenance/schedule', '{}'),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--ours', required=True)
    parser.add_argument('--real', required=True)
    options = parser.parse_args()
    ours, real = Cluster(options.ours), Cluster(options.real)
    different = compared = 0

    def compare(name, mine, its):
        nonlocal different, compared
        compared += 1
        if mine == its or name in EXPECTED:
            return
        different += 1
        print('%s\n  ours: %s\n  real: %s' % (name, mine, its))

    for name, (type, fields) in cases():
        compare(name, *[
            (answer[0], cluster.emptied(answer[1]))
            for cluster in (ours, real) for answer in [cluster.call(type, **cluster.filled(fields))]])
    for method, path, body in LEGACY:
        compare(
            '%s %s %s' % (method, path, body),
            *[cluster.send(method, path, body.encode())[0] for cluster in (ours, real)])
    for cluster in (ours, real):
        # Drained by now, as nothing runs there.
        while cluster.call(*agent('REACTIVATE_AGENT', cluster.names['AGENT'])[:1], **cluster.filled(
                agent('REACTIVATE_AGENT', 'AGENT')[1]))[0] == 400:
            status = cluster.call('GET_AGENTS')[1]['get_agents']['agents'][0]
            if not status.get('deactivated'):
                break
    print('%d answers compared, %d differ' % (compared, different))
    sys.exit(1 if different else 0)


if __name__ == '__main__':
    main()
