"""Every field that Argo Rollouts and Flagger publish, in as few objects as may hold them.

Source: argo-rollouts, ``docs/features/specification.md`` and ``pkg/apis/rollouts/v1alpha1``
(``types.go``, ``analysis_types.go``); flagger, ``artifacts/flagger/crd.yaml``.
What is free-form inside (a pod's template, a provider's own settings) has one field for all.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from rollout.convert.documents import converted
from rollout.convert.fields import Fate

OBJECTS = """
kind: Rollout
spec:
  replicas: 5
  selector: {matchLabels: {app: shop}}
  template: {metadata: {labels: {app: shop}}, spec: {containers: [{name: shop, image: "shop:1"}]}}
  minReadySeconds: 30
  revisionHistoryLimit: 3
  paused: true
  progressDeadlineSeconds: 600
  progressDeadlineAbort: false
  restartAt: "2020-03-30T21:19:35Z"
  rollbackWindow: {revisions: 3}
  analysis: {successfulRunHistoryLimit: 10, unsuccessfulRunHistoryLimit: 10}
  strategy:
    canary:
      canaryService: shop-canary
      stableService: shop
      canaryMetadata: {labels: {role: canary}, annotations: {role: canary}}
      stableMetadata: {labels: {role: stable}, annotations: {role: stable}}
      maxUnavailable: 1
      maxSurge: 20%
      scaleDownDelaySeconds: 60
      scaleDownDelayRevisionLimit: 2
      abortScaleDownDelaySeconds: 30
      minPodsPerReplicaSet: 2
      dynamicStableScale: true
      antiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {}}
      pingPong: {pingService: shop-ping, pongService: shop-pong}
      stepPlugins: [{name: example}]
      replicaProgressThreshold: {type: Percent, value: 90}
      analysis:
        startingStep: 2
        templates: [{templateName: success-rate, clusterScope: true}]
        args:
        - {name: service-name, value: shop}
        - {name: region, valueFrom: {fieldRef: {fieldPath: "metadata.labels['region']"}}}
        - {name: hash, valueFrom: {podTemplateHashValue: Latest}}
        - {name: token, valueFrom: {secretKeyRef: {name: token, key: token}}}
        dryRun: [{metricName: ".*"}]
        measurementRetention: [{metricName: x, limit: 20}]
        analysisRunMetadata: {labels: {a: b}}
      steps:
      - setCanaryScale: {replicas: 3}
      - setCanaryScale: {weight: 25}
      - setCanaryScale: {matchTrafficWeight: true}
      - setWeight: 20
      - pause: {duration: 1h}
      - pause: {}
      - plugin: {name: example, config: {key: value}}
      - setHeaderRoute: {name: headers, match: [{headerName: version, headerValue: {exact: "2"}}]}
      - setMirrorRoute: {name: mirror, percentage: 50, match: [{method: {exact: GET}}]}
      - analysis: {templates: [{templateName: success-rate}]}
      - experiment: {duration: 1h, templates: [{name: a, specRef: stable}]}
      - replicaProgressThreshold: {type: Percent, value: 90}
      trafficRouting:
        maxTrafficWeight: 1000
        managedRoutes: [{name: headers}]
        istio:
          virtualService:
            {name: shop, routes: [primary], tlsRoutes: [{port: 443}], tcpRoutes: [{port: 3306}]}
          virtualServices: [{name: other}]
          destinationRule: {name: shop, canarySubsetName: canary, stableSubsetName: stable}
        nginx: {stableIngress: shop}
        alb: {ingress: shop, servicePort: 80}
        smi: {rootService: shop}
        ambassador: {mappings: [shop]}
        appMesh: {virtualService: {name: shop}}
        traefik: {weightedTraefikServiceName: shop}
        apisix: {route: {name: shop}}
        plugins: {"argoproj-labs/gatewayAPI": {httpRoute: shop}}
---
kind: Rollout
spec:
  workloadRef: {apiVersion: apps/v1, kind: Deployment, name: shop, scaleDown: onsuccess}
  strategy:
    blueGreen:
      activeService: shop
      previewService: shop-preview
      previewReplicaCount: 1
      autoPromotionEnabled: false
      autoPromotionSeconds: 30
      scaleDownDelaySeconds: 30
      scaleDownDelayRevisionLimit: 2
      abortScaleDownDelaySeconds: 30
      maxUnavailable: 1
      antiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {}}
      activeMetadata: {labels: {role: active}}
      previewMetadata: {labels: {role: preview}}
      prePromotionAnalysis: {templates: [{templateName: success-rate}], args: [{name: a, value: b}]}
      postPromotionAnalysis: {templates: [{templateName: success-rate}]}
---
kind: AnalysisTemplate
spec:
  args:
  - {name: service-name, value: shop}
  - {name: unused, valueFrom: {secretKeyRef: {name: a, key: b}}}
  dryRun: [{metricName: rate}]
  measurementRetention: [{metricName: rate, limit: 20}]
  templates: [{templateName: other, clusterScope: false}]
  metrics:
  - name: rate
    interval: 5m
    initialDelay: 1m
    count: 3
    successCondition: result[0] >= 0.95
    failureCondition: result[0] < 0.9
    failureLimit: 3
    inconclusiveLimit: 2
    consecutiveErrorLimit: 4
    consecutiveSuccessLimit: 4
    provider:
      prometheus:
        address: http://prometheus
        query: sum(up{app="{{args.service-name}}"})
        timeout: 40
        insecure: true
        headers: [{key: X-Scope-OrgID, value: a}]
        authentication: {sigv4: {region: us}}
        rangeQuery: {start: now() - duration("1m"), end: now(), step: 1m}
  - {name: kayenta, provider: {kayenta: {address: http://kayenta}}}
  - {name: web, provider: {web: {url: http://web, jsonPath: "{$.ok}"}}}
  - {name: datadog, provider: {datadog: {query: q}}}
  - {name: wavefront, provider: {wavefront: {query: q}}}
  - {name: newRelic, provider: {newRelic: {query: q}}}
  - {name: job, provider: {job: {spec: {}}}}
  - {name: cloudWatch, provider: {cloudWatch: {interval: 30m}}}
  - {name: graphite, provider: {graphite: {query: q}}}
  - {name: influxdb, provider: {influxdb: {query: q}}}
  - {name: skywalking, provider: {skywalking: {query: q}}}
  - {name: plugin, provider: {plugin: {"a/b": {query: q}}}}
---
kind: Experiment
spec: {duration: 20m, templates: [{name: a}], analyses: [{name: a, templateName: b}]}
---
kind: AnalysisRun
spec: {metrics: [], args: [], terminate: true}
---
kind: Canary
spec:
  provider: istio
  metricsServer: http://prometheus
  progressDeadlineSeconds: 600
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}
  autoscalerRef:
    apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    name: shop
    primaryScalerQueries: {a: b}
    primaryScalerReplicas: {minReplicas: 1, maxReplicas: 2}
  ingressRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: shop}
  routeRef: {apiVersion: apisix.apache.org/v2, kind: ApisixRoute, name: shop}
  upstreamRef: {apiVersion: gloo.solo.io/v1, kind: Upstream, name: shop}
  skipAnalysis: false
  revertOnDeletion: true
  suspend: false
  service:
    name: shop
    port: 80
    portName: http
    targetPort: 8080
    portDiscovery: true
    appProtocol: http
    trafficDistribution: PreferClose
    headless: false
    timeout: 5s
    backendTimeout: 5s
    meshName: mesh
    backends: [a]
    hosts: [shop.example.com]
    gateways: [istio-system/gateway]
    gatewayRefs: [{name: gateway}]
    delegation: false
    match: [{uri: {prefix: /}}]
    rewrite: {uri: /}
    retries: {attempts: 3}
    headers: {request: {add: {a: b}}}
    corsPolicy: {allowMethods: [GET]}
    mirror: [{backendRef: {name: a}}]
    trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}
    apex: {labels: {a: b}}
    primary: {labels: {a: b}}
    canary: {labels: {a: b}}
    unmanagedMetadata: {annotations: [a]}
  analysis:
    interval: 1m
    threshold: 5
    maxWeight: 50
    stepWeight: 10
    stepWeightPromotion: 50
    mirror: true
    mirrorWeight: 50
    primaryReadyThreshold: 90
    canaryReadyThreshold: 90
    match: [{headers: {x: {exact: "1"}}}]
    alerts: [{name: a, severity: info, providerRef: {name: slack}}]
    sessionAffinity:
      cookieName: canary
      primaryCookieName: primary
      maxAge: 3600
      domain: example.com
      httpOnly: true
      partitioned: true
      path: /
      sameSite: Strict
      secure: true
    metrics:
    - {name: request-success-rate, interval: 1m, thresholdRange: {min: 99, max: 100}}
    - {name: request-duration, interval: 1m, threshold: 500}
    - name: own
      interval: 1m
      thresholdRange: {min: 1, max: 5}
      threshold: 5
      query: "sum(q[{{ interval }}])"
    - name: templated
      templateRef: {name: queue, namespace: istio-system}
      thresholdRange: {max: 5}
      templateVariables: {of: orders}
    webhooks:
    - name: a
      type: confirm-rollout
      url: http://a
      timeout: 5s
      retries: 2
      disableTLS: true
      muteAlert: true
      metadata: {a: b}
    - {name: b, type: pre-rollout, url: "http://a"}
    - {name: c, type: rollout, url: "http://a"}
    - {name: d, type: confirm-promotion, url: "http://a"}
    - {name: e, type: post-rollout, url: "http://a"}
    - {name: f, type: event, url: "http://a"}
    - {name: g, type: rollback, url: "http://a"}
    - {name: h, type: confirm-traffic-increase, url: "http://a"}
---
kind: Canary
spec:
  provider: nginx
  targetRef: {apiVersion: apps/v1, kind: DaemonSet, name: shop}
  service: {port: 80, delegation: true}
  canaryAnalysis: {interval: 1m, threshold: 5, stepWeights: [1, 10, 5]}
---
kind: Canary
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}
  service: {port: 80}
  analysis:
    interval: 1m
    threshold: 5
    iterations: 10
    match:
    - {headers: {x: {exact: "1"}}, queryParams: {a: {exact: "1"}}, sourceLabels: {app: a}}
    - uri: {prefix: /a}
      method: {exact: GET}
      authority: {exact: a}
      port: 80
      gateways: [a]
      ignoreUriCase: true
      withoutHeaders: {a: {exact: "1"}}
---
kind: MetricTemplate
spec:
  provider:
    type: prometheus
    address: http://prometheus
    headers: {a: [b]}
    secretRef: {name: a}
    region: us
    insecureSkipVerify: true
  query: sum(depth{of="{{ variables.of }}"}[{{ interval }}])
---
kind: AlertProvider
spec: {type: slack, channel: a}
"""
FLAGGER = ("Canary", "MetricTemplate", "AlertProvider")
Json = dict[str, Any]
PODS = {
    "selector": {"matchLabels": {"app": "shop"}},
    "template": {
        "metadata": {"labels": {"app": "shop"}},
        "spec": {"containers": [{"name": "shop", "image": "shop:1"}]},
    },
}
BESIDE: list[Json] = [
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop"},
        "spec": PODS,
    },
    {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "MetricTemplate",
        "metadata": {"name": "queue", "namespace": "istio-system"},
        "spec": {
            "provider": {"type": "prometheus"},
            "query": 'sum(depth{of="{{ variables.of }}"})',
        },
    },
]


def objects() -> list[Json]:
    """All of them, with names of their own."""
    found = []
    for number, obj in enumerate(yaml.safe_load_all(OBJECTS)):
        version = "flagger.app/v1beta1" if obj["kind"] in FLAGGER else "argoproj.io/v1alpha1"
        found.append({"apiVersion": version, "metadata": {"name": f"n{number}"}, **obj})
    return found


def fates() -> Iterator[tuple[str, str, Fate, str]]:
    """Kind, path without numbers, fate and how, in order and each once."""
    rows = (
        (obj["kind"], re.sub(r"\[[0-9]+\]", "", note.path), note.fate, note.how)
        for obj in objects()
        for note in converted([obj, *BESIDE]).notes
        if note.source == f"{obj['kind']} {obj['metadata']['name']}"
    )
    yield from dict.fromkeys(rows)
