import Testing

@testable import ServerPages

struct PrometheusTextTests {
  @Test(arguments: [
    ("master/tasks_running", "mesos_master_tasks_running"),
    (
      "master/frameworks/a%20b/F-1/calls/accept",
      #"mesos_master_framework_calls_accept{framework="a%20b",framework_id="F-1"}"#
    ),
    (
      "master/frameworks/n/F/roles/eng/web/suppressed",
      #"mesos_master_framework_role_suppressed{framework="n",framework_id="F",role="eng/web"}"#
    ),
    (
      "master/task_failed/source_executor/reason_container_limitation_memory",
      #"mesos_master_task_ends{state="failed",source="executor",reason="container_limitation_memory"}"#
    ),
    ("allocator/mesos/roles/eng/web/shares/dominant", #"mesos_allocator_mesos_role_shares_dominant{role="eng/web"}"#),
    ("allocator/mesos/offer_filters/roles/*/active", #"mesos_allocator_mesos_offer_filters_active{role="*"}"#),
    (
      "allocator/mesos/quota/roles/eng/web/resources/cpus/limit",
      #"mesos_allocator_mesos_quota_limit{role="eng/web",resource="cpus"}"#
    ),
    ("allocator/mesos/resources/mem/total", #"mesos_allocator_mesos_resources_total{resource="mem"}"#),
    ("allocator/mesos/allocation_run_ms/p9999", "mesos_allocator_mesos_allocation_run_ms_p9999"),
    ("frameworks/who/ever/messages_received", #"mesos_principal_messages_received{principal="who/ever"}"#),
    ("system/load_1min", "mesos_system_load_1min"),
    ("master/frameworks/\"\\\n/F/calls", #"mesos_master_framework_calls{framework="\"\\\n",framework_id="F"}"#),
  ])
  func `a key of Mesos becomes a name with labels`(key: String, expected: String) {
    let lines = PrometheusText.text([(key, 1.5)]).split(separator: "\n").map(String.init)
    #expect(lines.count == 2)
    #expect(lines.last == "\(expected) 1.5")
  }

  @Test func `samples of one name stand together after its type`() {
    let text = PrometheusText.text([
      ("allocator/mesos/resources/cpus/total", 8), ("master/elected", 1),
      ("allocator/mesos/resources/mem/total", .infinity),
    ])
    #expect(
      text == """
        # TYPE mesos_allocator_mesos_resources_total gauge
        mesos_allocator_mesos_resources_total{resource="cpus"} 8.0
        mesos_allocator_mesos_resources_total{resource="mem"} +Inf
        # TYPE mesos_master_elected gauge
        mesos_master_elected 1.0

        """)
  }

  @Test(
    arguments: [
      (nil, false), ("gzip", true), ("identity", false), ("deflate, gzip;q=0.5", true), ("gzip;q=0", false),
      ("gzip; q=0.0, *", false), ("*", true), ("GZIP", true), ("xgzip", false),
    ] as [(String?, Bool)])
  func `gzip is for who accepts it`(header: String?, accepts: Bool) {
    #expect(LegacyPage.accepts("gzip", header) == accepts)
  }
}
