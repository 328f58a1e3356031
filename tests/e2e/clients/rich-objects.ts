const metadata = (name: string) => ({ name, labels: { app: "rich" } })

const template = {
  metadata: { labels: { app: "rich" } },
  spec: {
    initContainers: [{ name: "first", image: "busybox", command: ["sh", "-c", "true"] }],
    containers: [
      {
        name: "main",
        image: "example.com/main:1",
        args: ["--flag", ""],
        ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
        env: [
          { name: "PLAIN", value: "grüße" },
          { name: "SECRET", valueFrom: { secretKeyRef: { name: "s", key: "k", optional: true } } },
          { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1m" } } },
        ],
        envFrom: [{ prefix: "P_", configMapRef: { name: "c" } }],
        resources: { requests: { cpu: "250m", memory: "64Mi" }, limits: { cpu: "1500m", memory: "1Gi" } },
        livenessProbe: { httpGet: { path: "/live", port: "http" }, periodSeconds: 7 },
        readinessProbe: { exec: { command: ["cat", "/ready"] }, failureThreshold: 9 },
        startupProbe: { tcpSocket: { port: 8080 } },
        volumeMounts: [{ name: "config", mountPath: "/config", readOnly: true, subPath: "sub" }],
      },
    ],
    volumes: [
      { name: "config", configMap: { name: "c", items: [{ key: "a", path: "b" }] } },
      { name: "scratch", emptyDir: { medium: "Memory", sizeLimit: "10Mi" } },
      { name: "all", projected: { sources: [{ serviceAccountToken: { path: "token", expirationSeconds: 600 } }] } },
    ],
    serviceAccountName: "sa",
    nodeSelector: { disk: "ssd" },
    tolerations: [{ key: "t", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 }],
  },
}
const selector = { matchLabels: { app: "rich" } }

/** Objects with much in them, and what kubectl has to say of each: what it says it got in protobuf. */
export const richObjects: readonly {
  path: string
  object: { kind: string; [field: string]: unknown }
  said: RegExp[]
}[] = [
  {
    path: "/api/v1/namespaces/default/pods",
    object: { apiVersion: "v1", kind: "Pod", metadata: metadata("rich"), spec: template.spec },
    said: [
      /PLAIN: +grüße/,
      /SECRET: +<set to the key 'k' in secret 's'> +Optional: true/,
      /CPU: +1500 \(limits\.cpu\)/,
      /c +ConfigMap with prefix 'P_'/,
      /Liveness: +http-get http:\/\/:http\/live delay=0s timeout=1s period=7s/,
      /Readiness: +exec \[cat \/ready\].*#failure=9/,
      /Startup: +tcp-socket :8080/,
      /\/config from config \(ro,path="sub"\)/,
      /SizeLimit: +10Mi/,
      /TokenExpirationSeconds: +600/,
      /t:NoExecute op=Exists for 300s/,
      /Node-Selectors: +disk=ssd/,
    ],
  },
  {
    path: "/apis/apps/v1/namespaces/default/deployments",
    object: {
      ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: metadata("rich") },
      spec: { selector, template, replicas: 4, strategy: { rollingUpdate: { maxSurge: "30%", maxUnavailable: 1 } } },
    },
    said: [/4 desired/, /1 max unavailable, 30% max surge/, /cpu: +1500m/],
  },
  {
    path: "/apis/apps/v1/namespaces/default/statefulsets",
    object: {
      ...{ apiVersion: "apps/v1", kind: "StatefulSet", metadata: metadata("rich") },
      spec: {
        ...{ selector, template, serviceName: "svc", updateStrategy: { rollingUpdate: { partition: 2 } } },
        volumeClaimTemplates: [
          {
            metadata: { name: "data" },
            spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "5Gi" } } },
          },
        ],
      },
    },
    said: [/Partition: +2/, /Capacity: +5Gi/],
  },
  {
    path: "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
    object: {
      ...{ apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", metadata: metadata("rich") },
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "rich" },
        ...{ minReplicas: 2, maxReplicas: 9 },
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } },
        ],
        behavior: {
          scaleDown: { stabilizationWindowSeconds: 0, policies: [{ type: "Pods", value: 3, periodSeconds: 60 }] },
        },
      },
    },
    said: [
      /Min replicas: +2/,
      /<unknown> \/ 70%/,
      /Stabilization Window: 0 seconds/,
      /Type: Pods +Value: 3 +Period: 60/,
    ],
  },
  {
    path: "/api/v1/persistentvolumes",
    object: {
      ...{ apiVersion: "v1", kind: "PersistentVolume", metadata: metadata("rich") },
      spec: {
        ...{ capacity: { storage: "7Gi" }, accessModes: ["ReadWriteOnce"], local: { path: "/disk" } },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["n"] }] },
            ],
          },
        },
      },
    },
    said: [/Type: +LocalVolume/, /Path: +\/disk/, /kubernetes\.io\/hostname in \[n\]/, /Capacity: +7Gi/],
  },
  {
    path: "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
    object: {
      ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: metadata("rich") },
      spec: {
        podSelector: selector,
        ingress: [
          { from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] } }], ports: [{ port: 80, endPort: 90 }] },
        ],
        egress: [{ to: [{ namespaceSelector: {} }], ports: [{ port: "dns", protocol: "UDP" }] }],
        policyTypes: ["Ingress", "Egress"],
      },
    },
    said: [/CIDR: 10\.0\.0\.0\/8/, /Except: 10\.1\.0\.0\/16/, /To Port: dns\/UDP/],
  },
  {
    path: "/apis/batch/v1/namespaces/default/jobs",
    object: {
      ...{ apiVersion: "batch/v1", kind: "Job", metadata: metadata("rich") },
      spec: {
        ...{ parallelism: 2, completions: 5, backoffLimit: 0, completionMode: "Indexed" },
        template: { spec: { ...template.spec, restartPolicy: "Never" } },
      },
    },
    said: [/Parallelism: +2/, /Completions: +5/, /Completion Mode: +Indexed/, /Backoff Limit: +0/],
  },
  {
    path: "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
    object: {
      ...{ apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: metadata("rich") },
      spec: {
        rules: [
          {
            host: "example.com",
            http: {
              paths: [
                { path: "/a", pathType: "Prefix", backend: { service: { name: "svc", port: { name: "http" } } } },
              ],
            },
          },
        ],
      },
    },
    said: [/example\.com\s+\/a +svc:http/],
  },
]
