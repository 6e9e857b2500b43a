// What any controller written with client-go does first: it leads, watches, records and creates.
// Everything goes in protobuf, as client-go sends built-in kinds. Prints one JSON line a step.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
)

const namespace = "default"

func say(step string, what any) {
	line, err := json.Marshal(map[string]any{"step": step, "what": what})
	must(err)
	fmt.Println(string(line))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func made[T any](object T, err error) T {
	must(err)
	return object
}

func to[T any](value T) *T { return &value }

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: map[string]string{"app": name}}
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	config := made(clientcmd.BuildConfigFromFlags("", os.Args[1]))
	inDynamic := dynamic.NewForConfigOrDie(config)
	binary := *config
	binary.ContentType = "application/vnd.kubernetes.protobuf"
	client := kubernetes.NewForConfigOrDie(&binary)
	say("server", made(client.Discovery().ServerVersion()).GitVersion)
	leads(ctx, client)
	watches(ctx, client)
	creates(ctx, client)
	records(ctx, client)
	istio(ctx, inDynamic)
}

// leads: the Lease is made, renewed and given up.
func leads(ctx context.Context, client kubernetes.Interface) {
	held, cancel := context.WithCancel(ctx)
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Name: "probe", Namespace: namespace},
		Client:     client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: "me"},
	}
	leaderelection.RunOrDie(held, leaderelection.LeaderElectionConfig{
		Lock: lock, ReleaseOnCancel: true,
		LeaseDuration: 30 * time.Second, RenewDeadline: 20 * time.Second, RetryPeriod: time.Second,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) {
				lease := made(client.CoordinationV1().Leases(namespace).Get(ctx, "probe", metav1.GetOptions{}))
				say("leads", *lease.Spec.HolderIdentity)
				cancel()
			},
			OnStoppedLeading: func() {},
		},
	})
	lease := made(client.CoordinationV1().Leases(namespace).Get(ctx, "probe", metav1.GetOptions{}))
	say("given up", *lease.Spec.HolderIdentity)
}

// watches: the informers of all kinds that controllers like to know sync.
func watches(ctx context.Context, client kubernetes.Interface) {
	factory := informers.NewSharedInformerFactory(client, 0)
	factory.Core().V1().Pods().Informer()
	factory.Core().V1().Services().Informer()
	factory.Core().V1().Events().Informer()
	factory.Apps().V1().Deployments().Informer()
	factory.Apps().V1().ReplicaSets().Informer()
	factory.Batch().V1().Jobs().Informer()
	factory.Networking().V1().Ingresses().Informer()
	factory.Discovery().V1().EndpointSlices().Informer()
	factory.Autoscaling().V2().HorizontalPodAutoscalers().Informer()
	factory.Policy().V1().PodDisruptionBudgets().Informer()
	factory.Start(ctx.Done())
	names := []string{}
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if synced {
			names = append(names, kind.Elem().Name())
		}
	}
	say("watches", len(names))
}

func pods(name string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": name}},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyAlways,
			Volumes: []corev1.Volume{{Name: "conf", VolumeSource: corev1.VolumeSource{
				ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "conf"}},
			}}},
			Containers: []corev1.Container{{
				Name: "app", Image: "example/app:1",
				Ports:     []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
				Env:       []corev1.EnvVar{{Name: "A", Value: "b"}, {Name: "P", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}}},
				Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{"cpu": resource.MustParse("250m")}},
				ReadinessProbe: &corev1.Probe{
					ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromString("http")}},
					PeriodSeconds: 3,
				},
				VolumeMounts:    []corev1.VolumeMount{{Name: "conf", MountPath: "/conf", ReadOnly: true}},
				SecurityContext: &corev1.SecurityContext{RunAsNonRoot: to(true)},
			}},
			Tolerations: []corev1.Toleration{{Key: "a", Operator: corev1.TolerationOpExists, TolerationSeconds: to(int64(0))}},
		},
	}
}

// same shows what was sent and what came back.
func same[T any](step string, sent, got T) {
	say(step, map[string]any{"sent": sent, "got": got})
}

func creates(ctx context.Context, client kubernetes.Interface) {
	options := metav1.CreateOptions{}
	conf := made(client.CoreV1().ConfigMaps(namespace).Create(ctx, &corev1.ConfigMap{ObjectMeta: meta("conf"), BinaryData: map[string][]byte{"b": {0, 255}}}, options))
	owner := metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "conf", UID: conf.UID, Controller: to(true), BlockOwnerDeletion: to(false)}
	selector := &metav1.LabelSelector{
		MatchLabels:      map[string]string{"app": "set"},
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "x", Operator: metav1.LabelSelectorOpDoesNotExist}},
	}
	set := &appsv1.ReplicaSet{ObjectMeta: meta("set"), Spec: appsv1.ReplicaSetSpec{Replicas: to(int32(0)), Selector: selector, Template: pods("set")}}
	set.OwnerReferences = []metav1.OwnerReference{owner}
	got := made(client.AppsV1().ReplicaSets(namespace).Create(ctx, set, options))
	same("ReplicaSet", set.Spec, got.Spec)
	say("owner", got.OwnerReferences[0].Name)

	pod := &corev1.Pod{ObjectMeta: meta("pod"), Spec: pods("pod").Spec}
	same("Pod", pod.Spec, made(client.CoreV1().Pods(namespace).Create(ctx, pod, options)).Spec)

	service := &corev1.Service{ObjectMeta: meta("web"), Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": "web"}, Type: corev1.ServiceTypeClusterIP,
		Ports:          []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080), AppProtocol: to("http"), Protocol: "TCP"}},
		IPFamilyPolicy: to(corev1.IPFamilyPolicySingleStack), IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol},
		InternalTrafficPolicy: to(corev1.ServiceInternalTrafficPolicyLocal), TrafficDistribution: to("PreferClose"),
	}}
	same("Service", service.Spec, made(client.CoreV1().Services(namespace).Create(ctx, service, options)).Spec)

	job := &batchv1.Job{ObjectMeta: meta("job"), Spec: batchv1.JobSpec{BackoffLimit: to(int32(0)), Template: pods("job")}}
	job.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	same("Job", job.Spec, made(client.BatchV1().Jobs(namespace).Create(ctx, job, options)).Spec)

	ingress := &networkingv1.Ingress{ObjectMeta: meta("in"), Spec: networkingv1.IngressSpec{
		IngressClassName: to("istio"),
		Rules: []networkingv1.IngressRule{{Host: "a.example", IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
			Paths: []networkingv1.HTTPIngressPath{{Path: "/", PathType: to(networkingv1.PathTypePrefix), Backend: networkingv1.IngressBackend{
				Service: &networkingv1.IngressServiceBackend{Name: "web", Port: networkingv1.ServiceBackendPort{Number: 80}},
			}}},
		}}}},
	}}
	same("Ingress", ingress.Spec, made(client.NetworkingV1().Ingresses(namespace).Create(ctx, ingress, options)).Spec)

	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: meta("slice"), AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: to(false)}}},
		Ports:     []discoveryv1.EndpointPort{{Name: to(""), Port: to(int32(8080))}},
	}
	there := made(client.DiscoveryV1().EndpointSlices(namespace).Create(ctx, slice, options))
	same("EndpointSlice", slice.Endpoints, there.Endpoints)

	scaler := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: meta("scaler"), Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"},
		MinReplicas:    to(int32(2)), MaxReplicas: 5,
		Metrics: []autoscalingv2.MetricSpec{{Type: autoscalingv2.PodsMetricSourceType, Pods: &autoscalingv2.PodsMetricSource{
			Metric: autoscalingv2.MetricIdentifier{Name: "rps"},
			Target: autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: resource.NewQuantity(10, resource.DecimalSI)},
		}}},
	}}
	same("HorizontalPodAutoscaler", scaler.Spec, made(client.AutoscalingV2().HorizontalPodAutoscalers(namespace).Create(ctx, scaler, options)).Spec)

	budget := &policyv1.PodDisruptionBudget{ObjectMeta: meta("budget"), Spec: policyv1.PodDisruptionBudgetSpec{
		MinAvailable: to(intstr.FromString("50%")), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
	}}
	same("PodDisruptionBudget", budget.Spec, made(client.PolicyV1().PodDisruptionBudgets(namespace).Create(ctx, budget, options)).Spec)

	scale := made(client.AppsV1().ReplicaSets(namespace).GetScale(ctx, "set", metav1.GetOptions{}))
	scale.Spec.Replicas = 1
	say("Scale", made(client.AppsV1().ReplicaSets(namespace).UpdateScale(ctx, "set", scale, metav1.UpdateOptions{})).Spec.Replicas)
	got = made(client.AppsV1().ReplicaSets(namespace).Get(ctx, "set", metav1.GetOptions{}))
	got.Annotations = map[string]string{"a": "b"}
	got = made(client.AppsV1().ReplicaSets(namespace).Update(ctx, got, metav1.UpdateOptions{}))
	say("Update", got.Annotations["a"])
	got.Status.Replicas = 0
	got.Status.ObservedGeneration = got.Generation
	say("UpdateStatus", made(client.AppsV1().ReplicaSets(namespace).UpdateStatus(ctx, got, metav1.UpdateOptions{})).Status.ObservedGeneration == got.Generation)
	must(client.BatchV1().Jobs(namespace).Delete(ctx, "job", metav1.DeleteOptions{PropagationPolicy: to(metav1.DeletePropagationBackground)}))
	say("Delete", len(made(client.BatchV1().Jobs(namespace).List(ctx, metav1.ListOptions{})).Items))
}

// records: an Event, and the second one counts in the first.
func records(ctx context.Context, client kubernetes.Interface) {
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "probe"})
	pod := made(client.CoreV1().Pods(namespace).Get(ctx, "pod", metav1.GetOptions{}))
	recorder.Event(pod, corev1.EventTypeNormal, "Probed", "it was seen")
	recorder.Event(pod, corev1.EventTypeNormal, "Probed", "it was seen")
	for {
		events := made(client.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=pod"}))
		for _, event := range events.Items {
			if event.Reason == "Probed" && event.Count == 2 {
				say("Event", event.Source.Component)
				broadcaster.Shutdown()
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// istio: one object in each version that istiod's definitions serve.
func istio(ctx context.Context, client dynamic.Interface) {
	of := func(version string) dynamic.ResourceInterface {
		return client.Resource(schema.GroupVersionResource{Group: "networking.istio.io", Version: version, Resource: "virtualservices"}).Namespace(namespace)
	}
	made(of("v1alpha3").Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.istio.io/v1alpha3", "kind": "VirtualService",
		"metadata": map[string]any{"name": "web"}, "spec": map[string]any{"hosts": []any{"web"}},
	}}, metav1.CreateOptions{}))
	versions := []string{}
	for _, version := range []string{"v1alpha3", "v1beta1", "v1"} {
		versions = append(versions, made(of(version).Get(ctx, "web", metav1.GetOptions{})).GetAPIVersion())
	}
	say("VirtualService", versions)
}
