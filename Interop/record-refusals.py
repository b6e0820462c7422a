#!/usr/bin/env python3
"""Records what an Apache Mesos says about messages that break a rule: Tests/MesosModelTests/Fixtures/refusals.tsv.

    MESOS_RESOURCES='cpus:4;mem:4096;disk:4096;ports:[31000-32000]' real-mesos.sh start DIR PORT 1
    record-refusals.py PORT > Tests/MesosModelTests/Fixtures/refusals.tsv

One row a rule: the kind of the message, what is wrong with it, the message in JSON, and the words as a JSON string. The ids of the
framework and the agent stand as FRAMEWORK and AGENT. All tasks are sent in one ACCEPT, so that they meet the same offer.
"""
import http.client
import json
import sys

PORT = int(sys.argv[1])

def scalar(name,v,**k): return dict({"name":name,"type":"SCALAR","scalar":{"value":v}},**k)
def ports(a,b,**k): return dict({"name":"ports","type":"RANGES","ranges":{"range":[{"begin":a,"end":b}]}},**k)
BASE=[scalar("cpus",0.1),scalar("mem",32)]
def res(*r): return {"resources":list(r)}
def volume(id="v",role="eng",mode="RW",**k):
    d={"persistence":{"id":id},"volume":{"container_path":"data","mode":mode}}
    d.update(k.pop("disk",{})); d={a:b for a,b in d.items() if b is not None}
    return scalar("disk",64,reservations=k.pop("reservations",[{"type":"DYNAMIC","role":role}]),disk=d,**k)
CMD={"value":"true"}
EX={"executor_id":{"value":"e"},"command":CMD,"resources":[scalar("cpus",0.1),scalar("mem",32)]}
def ex(**k): return {"command":None,"executor":{a:b for a,b in dict(EX,**k).items() if b is not None}}
def cont(**k): return {"container":dict({"type":"MESOS"},**k)}
def env(*v): return {"environment":{"variables":list(v)}}
tasks=[
 ("an empty id",{"task_id":{"value":""}}),
 ("a long id",{"task_id":{"value":"i"*256}}),
 ("the id .",{"task_id":{"value":"."}}),
 ("the id ..",{"task_id":{"value":".."}}),
 ("a slash in the id",{"task_id":{"value":"a/b"}}),
 ("a backslash in the id",{"task_id":{"value":"a\\b"}}),
 ("a control character in the id",{"task_id":{"value":"a\tb"}}),
 ("another agent",{"agent_id":{"value":"nowhere"}}),
 ("a negative grace period",{"kill_policy":{"grace_period":{"nanoseconds":-1}}}),
 ("a negative completion time",{"max_completion_time":{"nanoseconds":-1}}),
 ("a check without a type",{"check":{}}),
 ("a check of an unknown type",{"check":{"type":"UNKNOWN"}}),
 ("a command check without its command",{"check":{"type":"COMMAND"}}),
 ("a command check without a shell command",{"check":{"type":"COMMAND","command":{"command":{}}}}),
 ("a command check without a path",{"check":{"type":"COMMAND","command":{"command":{"shell":False}}}}),
 ("a command check with a bad environment",{"check":{"type":"COMMAND","command":{"command":dict(CMD,**env({"name":"A"}))}}}),
 ("an HTTP check without http",{"check":{"type":"HTTP"}}),
 ("an HTTP check of a relative path",{"check":{"type":"HTTP","http":{"port":80,"path":"x"}}}),
 ("a TCP check without tcp",{"check":{"type":"TCP"}}),
 ("a check with a negative delay",{"check":{"type":"TCP","tcp":{"port":80},"delay_seconds":-1}}),
 ("a check with a negative interval",{"check":{"type":"TCP","tcp":{"port":80},"interval_seconds":-1}}),
 ("a check with a negative timeout",{"check":{"type":"TCP","tcp":{"port":80},"timeout_seconds":-0.5}}),
 ("a health check without a type",{"health_check":{}}),
 ("a health check of an unknown type",{"health_check":{"type":"UNKNOWN"}}),
 ("a command health check without its command",{"health_check":{"type":"COMMAND"}}),
 ("a command health check without a shell command",{"health_check":{"type":"COMMAND","command":{}}}),
 ("a command health check of before there were types",{"health_check":{"command":{"shell":False}}}),
 ("a command health check with a bad environment",{"health_check":{"type":"COMMAND","command":dict(CMD,**env({"name":"A"}))}}),
 ("an HTTP health check without http",{"health_check":{"type":"HTTP"}}),
 ("an HTTP health check of an unknown scheme",{"health_check":{"type":"HTTP","http":{"port":80,"scheme":"ftp"}}}),
 ("an HTTP health check of a relative path",{"health_check":{"type":"HTTP","http":{"port":80,"path":"x"}}}),
 ("a TCP health check without tcp",{"health_check":{"type":"TCP"}}),
 ("a health check with a negative delay",{"health_check":{"type":"TCP","tcp":{"port":80},"delay_seconds":-1}}),
 ("a health check with a negative grace period",{"health_check":{"type":"TCP","tcp":{"port":80},"grace_period_seconds":-1}}),
 ("a health check with a negative interval",{"health_check":{"type":"TCP","tcp":{"port":80},"interval_seconds":-1}}),
 ("a health check with a negative timeout",{"health_check":{"type":"TCP","tcp":{"port":80},"timeout_seconds":-1}}),
 ("no resources",{"resources":[]}),
 ("half a GPU",res(*BASE,scalar("gpus",0.5))),
 ("an empty disk info",res(*BASE,scalar("disk",1,disk={}))),
 ("a volume that does not persist",res(*BASE,scalar("disk",1,disk={"volume":{"container_path":"p","mode":"RW"}}))),
 ("a revocable volume",res(*BASE,volume(revocable={}))),
 ("an unreserved volume",res(*BASE,volume(reservations=[]))),
 ("persistence without a volume",res(*BASE,volume(disk={"volume":None}))),
 ("a volume with a host path",res(*BASE,volume(disk={"volume":{"container_path":"p","host_path":"/h","mode":"RW"}}))),
 ("a bad persistence id",res(*BASE,volume(id="a/b"))),
 ("a reservation of what is revocable",res(scalar("cpus",0.1,revocable={},reservations=[{"type":"DYNAMIC","role":"eng"}]),scalar("mem",32))),
 ("a persistence id twice",res(*BASE,volume(),volume(mode="RO"))),
 ("two roles",res(scalar("cpus",0.1,allocation_info={"role":"eng"}),scalar("mem",32,allocation_info={"role":"ops"}))),
 ("revocable and not",res(scalar("cpus",0.1),scalar("cpus",0.1,revocable={}),scalar("mem",32))),
 ("a variable without a value",{"command":dict(CMD,**env({"name":"A"}))}),
 ("a variable with a value and a secret",{"command":dict(CMD,**env({"name":"A","value":"x","secret":{"type":"VALUE","value":{"data":"eA=="}}}))}),
 ("a secret variable without a secret",{"command":dict(CMD,**env({"name":"A","type":"SECRET"}))}),
 ("a secret variable with a value",{"command":dict(CMD,**env({"name":"A","type":"SECRET","value":"x","secret":{"type":"VALUE","value":{"data":"eA=="}}}))}),
 ("a secret that refers to nothing",{"command":dict(CMD,**env({"name":"A","type":"SECRET","secret":{"type":"REFERENCE"}}))}),
 ("a secret that refers and has a value",{"command":dict(CMD,**env({"name":"A","type":"SECRET","secret":{"type":"REFERENCE","reference":{"name":"r"},"value":{"data":"eA=="}}}))}),
 ("a secret without a value",{"command":dict(CMD,**env({"name":"A","type":"SECRET","secret":{"type":"VALUE"}}))}),
 ("a secret with a value that refers",{"command":dict(CMD,**env({"name":"A","type":"SECRET","secret":{"type":"VALUE","value":{"data":"eA=="},"reference":{"name":"r"}}}))}),
 ("a secret with a null byte",{"command":dict(CMD,**env({"name":"A","type":"SECRET","secret":{"type":"VALUE","value":{"data":"YQBi"}}}))}),
 ("a variable of an unknown type",{"command":dict(CMD,**env({"name":"A","type":"UNKNOWN","value":"x"}))}),
 ("a volume from nowhere",cont(volumes=[{"container_path":"p","mode":"RW"}])),
 ("a volume from two places",cont(volumes=[{"container_path":"p","mode":"RW","host_path":"/h","image":{"type":"APPC","appc":{"name":"n"}}}])),
 ("a volume from an unknown source",cont(volumes=[{"container_path":"p","mode":"RW","source":{"type":"UNKNOWN"}}])),
 ("a Docker volume without its name",cont(volumes=[{"container_path":"p","mode":"RW","source":{"type":"DOCKER_VOLUME"}}])),
 ("a host volume without its path",cont(volumes=[{"container_path":"p","mode":"RW","source":{"type":"HOST_PATH"}}])),
 ("a sandbox volume without its path",cont(volumes=[{"container_path":"p","mode":"RW","source":{"type":"SANDBOX_PATH"}}])),
 ("a secret volume without a secret",cont(volumes=[{"container_path":"p","mode":"RW","source":{"type":"SECRET"}}])),
 ("a CSI volume without its plugin",cont(volumes=[{"container_path":"p","mode":"RW","source":{"type":"CSI_VOLUME"}}])),
 ("a CSI volume that is not provisioned",cont(volumes=[{"container_path":"p","mode":"RW","source":{"type":"CSI_VOLUME","csi_volume":{"plugin_name":"p"}}}])),
 ("a Docker container without docker",cont(type="DOCKER")),
 ("a Docker container with a name",cont(type="DOCKER",docker={"image":"i","parameters":[{"key":"name","value":"x"}]})),
 ("a limit of disk",{"limits":{"disk":{"value":1}}}),
 ("a limit of cpus without cpus",dict(res(scalar("mem",32)),limits={"cpus":{"value":1}})),
 ("a limit of cpus below the request",{"limits":{"cpus":{"value":0.05}}}),
 ("a limit of memory without memory",dict(res(scalar("cpus",0.1)),limits={"mem":{"value":1}})),
 ("a limit of memory below the request",{"limits":{"mem":{"value":16}}}),
 ("neither a command nor an executor",{"command":None}),
 ("a command and an executor",{"executor":EX}),
 ("a default executor with a command",ex(type="DEFAULT")),
 ("a default executor in a Docker container",ex(type="DEFAULT",command=None,container={"type":"DOCKER","docker":{"image":"i"}})),
 ("a default executor with an image",ex(type="DEFAULT",command=None,container={"type":"MESOS","mesos":{"image":{"type":"APPC","appc":{"name":"n"}}}})),
 ("a custom executor without a command",ex(type="CUSTOM",command=None)),
 ("an executor with a bad id",ex(executor_id={"value":"a/b"})),
 ("an executor with a negative grace period",ex(shutdown_grace_period={"nanoseconds":-1})),
 ("an executor with a bad environment",ex(command=dict(CMD,**env({"name":"A"})))),
 ("an executor with a bad volume",ex(container={"type":"MESOS","volumes":[{"container_path":"p","mode":"RW"}]})),
 ("an executor of another framework",ex(framework_id={"value":"other"})),
 ("an executor with half a GPU",ex(resources=[scalar("gpus",0.5)])),
 ("an executor with a persistence id twice",ex(resources=[volume(),volume(mode="RO")])),
 ("an executor in two roles",ex(resources=[scalar("cpus",0.1,allocation_info={"role":"eng"}),scalar("mem",32,allocation_info={"role":"ops"})])),
 ("an executor with revocable and not",ex(resources=[scalar("cpus",0.1),scalar("cpus",0.1,revocable={})])),
 ("a default executor",ex(type="DEFAULT",command=None)),
 ("an executor with a shared volume",ex(resources=[volume(shared={})])),
 ("an executor that shares cgroups",ex(container={"type":"MESOS","linux_info":{"share_cgroups":True}})),
 ("the same ports for the task and its executor",dict(ex(resources=[ports(31000,31005)]),**res(*BASE,ports(31005,31009)))),
 ("a volume for the task and its executor",dict(ex(resources=[volume()]),**res(*BASE,volume(mode="RO")))),
 ("revocable for the executor alone",ex(resources=[scalar("cpus",0.1,revocable={})])),
 ("more than is offered",res(scalar("cpus",100),scalar("mem",32))),
 ("more than is offered with the executor",ex(resources=[scalar("cpus",100)])),
 ("cgroups of its own",cont(linux_info={"share_cgroups":False})),
]
GE={"type":"DEFAULT","executor_id":{"value":"e"},"framework_id":{"value":"FRAMEWORK"},"resources":[scalar("cpus",0.1),scalar("mem",32),scalar("disk",8)]}
def ge(**k): return {a:b for a,b in dict(GE,**k).items() if b is not None}
def gt(**k): return {a:b for a,b in dict({"resources":BASE,"command":CMD},**k).items() if b is not None}
NI={"network_infos":[{"name":"n"}]}
groups=[
 ("a task with a bad id",GE,[gt(task_id={"value":"a/b"})]),
 ("a task without resources",GE,[gt(resources=[])]),
 ("an HTTP health check on a network of its own",GE,[gt(container=dict(type="MESOS",**NI),health_check={"type":"HTTP","http":{"port":80}})]),
 ("a TCP health check on a network of its own",GE,[gt(container=dict(type="MESOS",**NI),health_check={"type":"TCP","tcp":{"port":80}})]),
 ("a Docker task",GE,[gt(container={"type":"DOCKER","docker":{"image":"i"}})]),
 ("limits without cgroups of its own",GE,[gt(limits={"cpus":{"value":1}})]),
 ("no framework id",ge(framework_id=None),[gt()]),
 ("another framework id",ge(framework_id={"value":"other"}),[gt()]),
 ("no type",ge(type=None,command=CMD),[gt()]),
 ("an unknown type",ge(type="UNKNOWN"),[gt()]),
 ("a Docker executor",ge(type="CUSTOM",command=CMD,container={"type":"DOCKER","docker":{"image":"i"}}),[gt()]),
 ("another executor for a task",GE,[gt(),gt(executor=ge(name="x"))]),
 ("an executor without cpus",ge(resources=[scalar("mem",32),scalar("disk",8)]),[gt()]),
 ("an executor with few cpus",ge(resources=[scalar("cpus",0.005),scalar("mem",32),scalar("disk",8)]),[gt()]),
 ("an executor without memory",ge(resources=[scalar("cpus",0.1),scalar("disk",8)]),[gt()]),
 ("an executor with little memory",ge(resources=[scalar("cpus",0.1),scalar("mem",16.5),scalar("disk",8)]),[gt()]),
 ("an executor without disk",ge(resources=[scalar("cpus",0.1),scalar("mem",32)]),[gt()]),
 ("a persistence id twice",ge(resources=GE["resources"]+[volume()]),[gt(resources=BASE+[volume(mode="RO")])]),
 ("revocable for one task",GE,[gt(),gt(resources=[scalar("cpus",0.1,revocable={}),scalar("mem",32)])]),
 ("the same ports for two tasks",GE,[gt(resources=BASE+[ports(31000,31003)]),gt(resources=BASE+[ports(31003,31004)])]),
 ("more than is offered",GE,[gt(resources=[scalar("cpus",100),scalar("mem",32)])]),
 ("an executor that shares cgroups",ge(container={"type":"MESOS","linux_info":{"share_cgroups":True}}),[gt()]),
 ("tasks with and without cgroups of their own",GE,[gt(),gt(container={"type":"MESOS","linux_info":{"share_cgroups":False}})]),
 ("a negative completion time",GE,[gt(max_completion_time={"nanoseconds":-1})]),
]
MR={"user":"u","name":"n","capabilities":[{"type":"MULTI_ROLE"}]}
def fw(**k): return {a:b for a,b in dict(MR,**k).items() if b is not None}
def mq(q): return {"eng":{"min_allocatable_resources":{"quantities":[{"quantities":q}]}}}
frameworks=[
 ("role and MULTI_ROLE",fw(role="eng")),
 ("roles without MULTI_ROLE",fw(capabilities=None,roles=["eng"])),
 ("a role twice",fw(roles=["eng","ops","eng"])),
 ("a bad role in the list",fw(roles=["eng","a b"])),
 ("a bad role",fw(capabilities=None,role="-a")),
 ("an empty role",fw(capabilities=None,role="")),
 ("a bad id",fw(roles=["eng"],id={"value":"a/b"})),
 ("an alternative without quantities",fw(roles=["eng"],offer_filters=mq({}))),
 ("a negative quantity",fw(roles=["eng"],offer_filters=mq({"cpus":{"value":-1}}))),
 ("a tiny quantity",fw(roles=["eng"],offer_filters=mq({"cpus":{"value":1e-310}}))),
 ("an endless failover timeout",fw(roles=["eng"],failover_timeout=1e10)),
 ("a long failover timeout",fw(roles=["eng"],failover_timeout=123456789012.5)),
 ("an endless negative failover timeout",fw(roles=["eng"],failover_timeout=-1e10)),
]

ID={"value":"c","parent":{"value":"p"}}
ID3={"value":"c","parent":{"value":"p","parent":{"value":"q"}}}
def nested(name,**k): return {"type":name.upper(),name:dict({"container_id":ID},**k)}
FID={"framework_id":{"value":"f"}}
UU="AAAAAAAAAAAAAAAAAAAAAA=="
scheduler=[("no type",{}),("an unknown type",{"type":"NONE"}),("SUBSCRIBE without its message",{"type":"SUBSCRIBE"}),
 ("SUBSCRIBE under another id",{"type":"SUBSCRIBE","framework_id":{"value":"a"},"subscribe":{"framework_info":{"user":"u","name":"n","id":{"value":"b"}}}}),
 ("TEARDOWN without an id",{"type":"TEARDOWN"})]
for t in "accept decline accept_inverse_offers decline_inverse_offers kill shutdown acknowledge acknowledge_operation_status reconcile reconcile_operations message request update_framework".split():
    scheduler.append((t.upper()+" without its message",dict({"type":t.upper()},**FID)))
ACKNOWLEDGED={"agent_id":{"value":"a"},"task_id":{"value":"t"}}
scheduler+=[("ACKNOWLEDGE of a short UUID",dict({"type":"ACKNOWLEDGE","acknowledge":dict(ACKNOWLEDGED,uuid="AAAA")},**FID)),
 ("ACKNOWLEDGE of a UUID of no version",dict({"type":"ACKNOWLEDGE","acknowledge":dict(ACKNOWLEDGED,uuid=UU)},**FID)),
 ("ACKNOWLEDGE_OPERATION_STATUS of no UUID",dict({"type":"ACKNOWLEDGE_OPERATION_STATUS","acknowledge_operation_status":{"operation_id":{"value":"o"},"uuid":UU}},**FID)),
 ("ACKNOWLEDGE_OPERATION_STATUS without an agent",dict({"type":"ACKNOWLEDGE_OPERATION_STATUS","acknowledge_operation_status":{"operation_id":{"value":"o"},"uuid":"u28SAv6ZQqKUa0qAnLvO3Q=="}},**FID)),
 ("UPDATE_FRAMEWORK of another",dict({"type":"UPDATE_FRAMEWORK","update_framework":{"framework_info":{"user":"u","name":"n","id":{"value":"g"}}}},**FID))]
SENDER={"executor_id":{"value":"e"},"framework_id":{"value":"f"}}
GOOD="u28SAv6ZQqKUa0qAnLvO3Q=="
def upd(**k):
    s={"task_id":{"value":"t"},"state":"TASK_RUNNING","source":"SOURCE_EXECUTOR","uuid":GOOD}; s.update(k)
    return dict({"type":"UPDATE","update":{"status":{a:b for a,b in s.items() if b is not None}}},**SENDER)
executor=[("no type",SENDER),("no executor id",{"type":"SUBSCRIBE"}),("no framework id",{"type":"SUBSCRIBE","executor_id":{"value":"e"}}),
 ("SUBSCRIBE without its message",dict({"type":"SUBSCRIBE"},**SENDER)),("UPDATE without its message",dict({"type":"UPDATE"},**SENDER)),("MESSAGE without its message",dict({"type":"MESSAGE"},**SENDER)),
 ("UPDATE without a UUID",upd(uuid=None)),("UPDATE with a bad UUID",upd(uuid=UU)),("UPDATE of another executor",upd(executor_id={"value":"x"})),
 ("UPDATE from another source",upd(source="SOURCE_MASTER")),("UPDATE from no source",upd(source=None)),("UPDATE to staging",upd(state="TASK_STAGING")),
 ("a check's status without a type",upd(check_status={})),("a check's status of an unknown type",upd(check_status={"type":"UNKNOWN"})),
 ("a command check's status without command",upd(check_status={"type":"COMMAND"})),("an HTTP check's status without http",upd(check_status={"type":"HTTP"})),("a TCP check's status without tcp",upd(check_status={"type":"TCP"}))]
master=[("no type",{})]
for t in "get_metrics set_logging_level list_files read_file update_weights reserve_resources unreserve_resources create_volumes destroy_volumes grow_volume shrink_volume update_maintenance_schedule start_maintenance stop_maintenance drain_agent deactivate_agent reactivate_agent update_quota set_quota remove_quota teardown mark_agent_gone".split():
    master.append((t.upper()+" without its message",{"type":t.upper()}))
bad=dict(scalar("cpus",-1))
V=scalar("disk",1)
master+=[("RESERVE_RESOURCES of bad resources",{"type":"RESERVE_RESOURCES","reserve_resources":{"agent_id":{"value":"a"},"resources":[bad]}}),
 ("UNRESERVE_RESOURCES of bad resources",{"type":"UNRESERVE_RESOURCES","unreserve_resources":{"agent_id":{"value":"a"},"resources":[bad]}}),
 ("GROW_VOLUME without an agent",{"type":"GROW_VOLUME","grow_volume":{"volume":V,"addition":V}}),
 ("SHRINK_VOLUME without an agent",{"type":"SHRINK_VOLUME","shrink_volume":{"volume":V,"subtract":{"value":1}}})]
agent=[("no type",{})]
for t in "get_metrics set_logging_level list_files read_file launch_nested_container wait_nested_container kill_nested_container remove_nested_container launch_nested_container_session attach_container_input attach_container_output launch_container wait_container kill_container remove_container add_resource_provider_config update_resource_provider_config remove_resource_provider_config mark_resource_provider_gone".split():
    agent.append((t.upper()+" without its message",{"type":t.upper()}))
for t in "launch_nested_container wait_nested_container kill_nested_container remove_nested_container launch_nested_container_session".split():
    agent.append((t.upper()+" with a bad id",nested(t,container_id={"value":"a b","parent":{"value":"p"}})))
    agent.append((t.upper()+" without a parent",nested(t,container_id={"value":"c"})))
for t in "attach_container_output launch_container wait_container kill_container remove_container".split():
    agent.append((t.upper()+" with a bad id",nested(t,container_id={"value":"a.b"})))
BADENV=dict(CMD,**env({"name":"A"})); BADVOL={"type":"MESOS","volumes":[{"container_path":"p","mode":"RW"}]}
for t in "launch_nested_container launch_nested_container_session launch_container".split():
    agent.append((t.upper()+" with a bad environment",nested(t,command=BADENV)))
    agent.append((t.upper()+" with a bad volume",nested(t,container=BADVOL)))
NS={"type":"MESOS","linux_info":{"share_cgroups":False}}; SH={"type":"MESOS","linux_info":{"share_cgroups":True}}
L="launch_container"
agent+=[("a long container id",nested("wait_container",container_id={"value":"c"*243})),
 ("an empty container id",nested("wait_container",container_id={"value":""})),
 ("a slash in a container id",nested("wait_container",container_id={"value":"a/b"})),
 ("a bad parent",nested("wait_container",container_id={"value":"c","parent":{"value":"p","parent":{"value":"q."}}})),
 ("cgroups of its own at the second level",nested("launch_nested_container",container_id=ID3,container=NS)),
 ("cgroups of its own for a session",nested("launch_nested_container_session",container=NS)),
 ("input without a type",{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{}}),
 ("input of an unknown type",{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"UNKNOWN"}}),
 ("input with a bad id",{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"CONTAINER_ID","container_id":{"value":"a b"}}}),
 ("bad resources",nested(L,resources=[bad])),("half a GPU",nested(L,resources=[scalar("gpus",0.5)])),
 ("reserved resources",nested(L,container_id={"value":"c"},resources=[scalar("cpus",1,reservations=[{"type":"DYNAMIC","role":"eng"}])])),
 ("a persistent volume",nested(L,container_id={"value":"c"},resources=[scalar("disk",1,disk={"persistence":{"id":"v"},"volume":{"container_path":"p","mode":"RW"}})])),
 ("revocable resources",nested(L,container_id={"value":"c"},resources=[scalar("cpus",1,revocable={})])),
 ("resources at the second level",nested(L,container_id=ID3,resources=[scalar("cpus",1)])),
 ("limits at the second level",nested(L,container_id=ID3,limits={"cpus":{"value":1}})),
 ("cgroups of its own for a container at the second level",nested(L,container_id=ID3,container=NS)),
 ("shared cgroups without a parent",nested(L,container_id={"value":"c"},container=SH)),
 ("ADD_RESOURCE_PROVIDER_CONFIG with an id",{"type":"ADD_RESOURCE_PROVIDER_CONFIG","add_resource_provider_config":{"info":{"type":"a.b","name":"n","id":{"value":"i"}}}}),
 ("UPDATE_RESOURCE_PROVIDER_CONFIG with an id",{"type":"UPDATE_RESOURCE_PROVIDER_CONFIG","update_resource_provider_config":{"info":{"type":"a.b","name":"n","id":{"value":"i"}}}})]
M=lambda h=None,ip=None:{a:b for a,b in {"hostname":h,"ip":ip}.items() if b is not None}
def sched(*w): return {"type":"UPDATE_MAINTENANCE_SCHEDULE","update_maintenance_schedule":{"schedule":{"windows":list(w)}}}
def win(ms,d=1): return {"machine_ids":ms,"unavailability":{"start":{"nanoseconds":1},"duration":{"nanoseconds":d}}}
maintenance=[("a window without machines",sched(win([]))),("a negative duration",sched(win([M("h")],-1))),("a machine without a name",sched(win([M()]))),
 ("an empty name",sched(win([M("","")]))),("a bad address",sched(win([M("h","::1")]))),("a machine twice",sched(win([M("Host","1.2.3.4")]),win([M("host","1.2.3.4")]))),
 ("no machines to take down",{"type":"START_MAINTENANCE","start_maintenance":{"machines":[]}}),("a machine to take down twice",{"type":"START_MAINTENANCE","start_maintenance":{"machines":[M("h"),M("h")]}}),
 ("a machine to bring up without a name",{"type":"STOP_MAINTENANCE","stop_maintenance":{"machines":[M()]}})]


def post(port, path, body, **headers):
    connection = http.client.HTTPConnection('localhost', port, timeout=30)
    fields = {'Content-Type': 'application/json', 'Accept': 'application/json'}
    fields.update({name.replace('_', '-'): value for name, value in headers.items()})
    connection.request('POST', path, json.dumps(body), fields)
    return connection, connection.getresponse()


def events(response):
    while True:
        line = b''
        while not line.endswith(b'\n'):
            byte = response.read(1)
            if not byte:
                return
            line += byte
        data = b''
        while len(data) < int(line):
            data += response.read(int(line) - len(data))
        yield json.loads(data)


def row(kind, name, message, words):
    print('\t'.join((kind, name, json.dumps(message, separators=(',', ':')), json.dumps(words))))


def put(value, **names):
    text = json.dumps(value)
    for name, real in names.items():
        text = text.replace('"%s"' % name, '"%s"' % real)
    return json.loads(text)


for name, info in frameworks:
    call = {'type': 'SUBSCRIBE', 'subscribe': {'framework_info': info}}
    if 'id' in info:
        call['framework_id'] = info['id']
    connection, response = post(PORT, '/api/v1/scheduler', call)
    row('framework', name, info, next(events(response))['error']['message'])
    connection.close()

subscribe = {'user': 'root', 'name': 'n', 'roles': ['eng'], 'capabilities': [{'type': type} for type in (
    'MULTI_ROLE', 'RESERVATION_REFINEMENT', 'SHARED_RESOURCES', 'GPU_RESOURCES')]}
connection, response = post(PORT, '/api/v1/scheduler', {'type': 'SUBSCRIBE', 'subscribe': {'framework_info': subscribe}})
stream, stream_id = events(response), response.getheader('Mesos-Stream-Id')
framework = next(stream)['subscribed']['framework_id']['value']


def send(call):
    call['framework_id'] = {'value': framework}
    connection, response = post(PORT, '/api/v1/scheduler', call, Mesos_Stream_Id=stream_id)
    assert response.status == 202, response.read()
    connection.close()


def refusals(operations, count):
    offer = next(event for event in stream if event['type'] == 'OFFERS')['offers']['offers'][0]
    agent = offer['agent_id']['value']
    send({'type': 'ACCEPT', 'accept': {
        'offer_ids': [offer['id']], 'operations': put(operations, FRAMEWORK=framework, AGENT=agent)}})
    words = {}
    while len(words) < count:
        event = next(stream)
        if event['type'] == 'UPDATE':
            status = event['update']['status']
            assert status['state'] == 'TASK_ERROR', status
            words[len(words)] = status['message'].replace(framework, 'FRAMEWORK').replace(agent, 'AGENT')
    return [words[index] for index in range(count)]


def completed(task, index):
    base = {'name': 't', 'task_id': {'value': index}, 'agent_id': {'value': 'AGENT'}}
    return {name: value for name, value in dict(base, **task).items() if value is not None}


candidates = [completed(dict({'resources': BASE, 'command': CMD}, **change), 't%d' % index)
              for index, (_, change) in enumerate(tasks)]
said = refusals([{'type': 'LAUNCH', 'launch': {'task_infos': [task]}} for task in candidates], len(candidates))
for (name, _), task, words in zip(tasks, candidates, said):
    row('task', name, task, words)

launches = [{'executor': executor, 'task_group': {'tasks': [
    completed(task, 'g%d-%d' % (index, place)) for place, task in enumerate(members)]}}
    for index, (_, executor, members) in enumerate(groups)]
said = refusals([{'type': 'LAUNCH_GROUP', 'launch_group': launch} for launch in launches],
                sum(len(launch['task_group']['tasks']) for launch in launches))
for (name, _, _), launch in zip(groups, launches):
    row('group', name, launch, said[0])
    del said[:len(launch['task_group']['tasks'])]
send({'type': 'TEARDOWN'})

for kind, port, path, prefix, cases in (
        ('scheduler', PORT, '/api/v1/scheduler', 'Failed to validate scheduler::Call: ', scheduler),
        ('executor', PORT + 1, '/api/v1/executor', 'Failed to validate Executor::Call: ', executor),
        ('master', PORT, '/api/v1', 'Failed to validate master::Call: ', master),
        ('agent', PORT + 1, '/api/v1', 'Failed to validate agent::Call: ', agent),
        ('maintenance', PORT, '/api/v1', '', maintenance)):
    for name, call in cases:
        connection, response = post(port, path, call)
        text = response.read().decode()
        connection.close()
        assert response.status == 400, (kind, name, response.status, text)
        # What lacks a required field is refused before it is validated.
        if text.startswith(prefix) and 'Missing required fields' not in text:
            row(kind, name, call, text[len(prefix):])
