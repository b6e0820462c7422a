#!/usr/bin/env python3
"""Runs a framework of pymesos, a third party's library for the v1 API in JSON, against a master.

    pymesos-scheduler.py HOST:PORT [COUNT]

COUNT tasks (50) must reach TASK_FINISHED and one more, that sleeps, must be running, then be killed and reach TASK_KILLED.
Exit status 0 when all did, within two minutes.
"""
import getpass
import sys
import threading

from addict import Dict
from pymesos import MesosSchedulerDriver, Scheduler

count = int(sys.argv[2]) if len(sys.argv) > 2 else 50


class Fifty(Scheduler):
    def __init__(self):
        self.launched = 0
        self.states = {}
        self.offers = 0
        self.done = threading.Event()
        self.problem = None

    def registered(self, driver, framework_id, master_info):
        print('registered', framework_id['value'], 'at', master_info['hostname'], master_info['port'])

    def resourceOffers(self, driver, offers):
        for offer in offers:
            self.offers += 1
            left = {r['name']: r['scalar']['value'] for r in offer['resources'] if r['type'] == 'SCALAR'}
            tasks = []
            while self.launched <= count and left.get('cpus', 0) >= 0.1 and left.get('mem', 0) >= 32:
                task = Dict()
                task.task_id.value = 'sleeper' if self.launched == count else 'task-%d' % self.launched
                task.agent_id.value = offer['agent_id']['value']
                task.name = task.task_id.value
                task.command.value = 'sleep 1000' if self.launched == count else 'echo $((6 * 7))'
                task.resources = [
                    dict(name='cpus', type='SCALAR', scalar={'value': 0.1}),
                    dict(name='mem', type='SCALAR', scalar={'value': 32})]
                left['cpus'] -= 0.1001
                left['mem'] -= 32
                self.launched += 1
                tasks.append(task)
            if tasks:
                driver.launchTasks(offer['id'], tasks)
            else:
                driver.declineOffer(offer['id'], filters={'refuse_seconds': 1})

    def statusUpdate(self, driver, update):
        task, state = update['task_id']['value'], update['state']
        self.states[task] = state
        if task == 'sleeper' and state == 'TASK_RUNNING':
            driver.killTask(update['task_id'])
        if state in ('TASK_FAILED', 'TASK_ERROR', 'TASK_LOST', 'TASK_DROPPED', 'TASK_GONE'):
            self.finish('%s is %s: %s' % (task, state, update.get('message')))
        elif self.finished() == count and self.states.get('sleeper') == 'TASK_KILLED':
            self.finish(None)

    def finished(self):
        return sum(1 for state in self.states.values() if state == 'TASK_FINISHED')

    def error(self, driver, message):
        self.finish('error: %s' % message)

    def finish(self, problem):
        self.problem = self.problem or problem
        self.done.set()


scheduler = Fifty()
framework = dict(
    user=getpass.getuser(), name='pymesos', hostname='localhost', roles=['*'],
    capabilities=[{'type': 'MULTI_ROLE'}, {'type': 'TASK_KILLING_STATE'}])
driver = MesosSchedulerDriver(scheduler, framework, sys.argv[1], use_addict=False)
driver.start()
in_time = scheduler.done.wait(120)
driver.stop()
print('%d of %d finished, sleeper %s, %d offers' % (
    scheduler.finished(), count, scheduler.states.get('sleeper'), scheduler.offers))
if not in_time or scheduler.problem:
    sys.exit(scheduler.problem or 'not done within two minutes')
