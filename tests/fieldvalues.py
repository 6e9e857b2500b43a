"""Values that the page of every field shows where no example of ours has one: by class and field.

A value of the right type is not enough for an example: an HTTP status of 2 teaches nothing.
"""

from collections.abc import Mapping

import yaml

_TEXT = """
RolloutSpec:
  strategy: {canary: {steps: [{weight: 10}, {weight: 50}]}}
  traffic: {virtualServices: [{name: shop}]}
  analysis: {confidence: {falseRollback: 0.1%}}
  notify: {slack: "#releases"}
  onFailure: hold
  onDrift: pause
  progressDeadline: 1h
Workload: {scale: managed, minCanaryPods: 2, autoscaler: {name: reviews}, drain: 1m}
Autoscaler: {name: reviews}
Canary: {steps: [{weight: 10}, {weight: 50}]}
Step:
  replicas: 3
  analysis: [{name: queue, query: "sum(queue_depth)", max: 100}]
  webhook: {name: qa, url: "https://qa.example.com/gate", secretRef: {name: qa-key}}
Cohort: {path: {prefix: /beta}, method: {exact: GET}}
StringMatch: {regex: "v2-[0-9]+", exact: "yes"}
Fault: {abort: 503}
Metric:
  name: errors
  tolerate: {ratio: 1.1, absolute: 0.1%}
  slowerThan: [250ms, 1s]
  successRate: {min: 99%}
  latency: {quantile: 0.99, max: 500ms}
  bad: failed_orders_total
  total: orders_total
  query: sum(queue_depth)
  min: 0.5
  max: 100
  failures: {consecutive: 3}
  strict: true
  dryRun: true
Tolerance: {ratio: 1.1, absolute: 0.1%}
SuccessRate: {min: 99.5%}
LatencyLimit: {quantile: 0.99, max: 500ms}
Failures: {consecutive: 3, total: 5}
Approval: {slack: "#releases", approvers: [U012AB3CD, kubernetes], quorum: 2, notAuthor: true}
Webhook:
  name: load-test
  url: https://qa.example.com/gate
  secretRef: {name: gate-key}
  interval: 30s
  timeout: 5s
BlueGreen:
  timeBox: 1h
  analysis: [{name: queue, query: "sum(queue_depth)", max: 100}]
  approval: {approvers: [kubernetes]}
  webhook: {name: qa, url: "https://qa.example.com/gate", secretRef: {name: qa-key}}
Dark: {steps: [{mirror: 5%}]}
Traffic: {virtualServices: [{name: shop}], destinationRule: reviews}
VirtualServiceRef: {namespace: gateways}
Analysis:
  interval: 30s
  warmup: 1m
  metrics: [{name: errors}, {name: latency}]
  templates: [{name: queue-depth}]
  confidence: {falseRollback: 0.1%}
  minRequests: 50
  onNoData: pause
  onInconclusive: hold
  onSuspicious: rollback
TemplateUse: {name: queue-depth, args: {queue: reviews}}
Confidence: {falseRollback: 0.1%, falsePromote: 1%, harmCap: {errors: 0.2%}}
HarmCap: {errors: 0.2%, slow: 1%}
Notify: {slack: "#releases", events: [promoted, rolledBack]}
Listener: {url: "https://hooks.example.com/releases", secretRef: {name: listener-key}}
Overrule: {rule: ROL-052, reason: it is warmed up before it is ready}
OverruleSwitch: {rule: SW-004, reason: the old records go by hand}
UpgradeOverrule: {rule: UPG-013, reason: restarted by hand afterwards}
AnalysisTemplateSpec: {args: {queue: null, most: "100"}}
RolloutSourceSpec:
  url: https://github.com/example/shop.git
  ref: main
  path: deploy
  interval: 2m
  secretRef: {name: git-token}
  verifyMode: every
  prune: true
  manifests: true
PushWebhook: {secretRef: {name: push-secret}}
CommitStatus:
  forge: github
  secretRef: {name: forge-token}
  api: https://github.example.com/api/v3
  repository: example/shop
  targetUrl: "https://rollouts.example.com/#/rollout/{namespace}/{name}"
  deployments: true
  environment: production
  onRejected: revertPullRequest
SwitchoverSpec:
  namespaces: [shop]
  onFailure: hold
  notify: {slack: "#releases"}
  progressDeadline: 2h
Cluster: {gateway: {namespace: istio-ingress, workload: istio-ingress}}
Gateway: {namespace: istio-ingress, workload: istio-ingress}
Dns: {safety: 3, shareTolerance: 5%}
RecordObject: {namespace: dns, cluster: green}
Probe: {status: 204}
ShiftStep: {weight: 10, timeBox: 30m, approval: {approvers: [kubernetes]}}
ControlPlaneUpgradeSpec:
  istioNamespace: istio-system
  allowInPlace: true
  minReplicas: 2
  progressDeadline: 1h
  onFailure: hold
  reverted: rollback
  notify: {slack: "#mesh"}
Wave: {percentage: 25%, timeBox: 30m}
GatewayMove: {timeBox: 30m, allowInPlace: true, approval: {approvers: [kubernetes]}}
TagMove: {name: prod, bake: 10m, approval: {approvers: [kubernetes]}}
DefaultMove: {approval: {approvers: [kubernetes]}}
Freeze: {reason: the sale}
"""
VALUES: Mapping[tuple[str, str], object] = {
    (noun, field): value
    for noun, fields in yaml.safe_load(_TEXT).items()
    for field, value in fields.items()
}
