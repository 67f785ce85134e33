// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Names of the workflows of a Recipe that are run. Others are ignored.
const (
	WorkflowBackup  = "backup"
	WorkflowRestore = "restore"
)

// Types of the groups of a Recipe.
const (
	RecipeGroupVolume   = "volume"
	RecipeGroupResource = "resource"
)

// Types of the hooks of a Recipe.
const (
	HookExec  = "exec"
	HookScale = "scale"
	HookCheck = "check"
	HookJob   = "job"
)

// What a failing operation of a hook does to the step.
const (
	OnErrorFail     = "fail"
	OnErrorContinue = "continue"
)

// FailOn says which failing steps make a workflow fail.
// +kubebuilder:validation:Enum=any-error;essential-error;full-error
type FailOn string

// Values of failOn.
const (
	FailOnAny       FailOn = "any-error"       // the first step that fails ends the workflow
	FailOnEssential FailOn = "essential-error" // the first essential step that fails ends it
	FailOnFull      FailOn = "full-error"      // every step runs, and the workflow fails if all essential ones did
)

// GroupRestoreStatus selects the types whose status is restored.
type GroupRestoreStatus struct {
	// includedResources are the types whose status is restored. Empty: all.
	// +optional
	// +listType=atomic
	IncludedResources []string `json:"includedResources,omitempty"`
	// excludedResources are types whose status is not restored.
	// +optional
	// +listType=atomic
	ExcludedResources []string `json:"excludedResources,omitempty"`
}

// RecipeGroup is a set of objects, or of volumes, that a workflow handles in one step.
type RecipeGroup struct {
	// name of the group.
	// +required
	Name string `json:"name"`
	// parent is a group of the application that this one is part of. It has no effect.
	// +optional
	Parent string `json:"parent,omitempty"`
	// backupRef names the group whose capture this one restores. Empty: its own.
	// +optional
	BackupRef string `json:"backupRef,omitempty"`
	// type: volume selects claims, resource other objects.
	// +required
	// +kubebuilder:validation:Enum=volume;resource
	Type string `json:"type"`
	// includedResourceTypes are the types of the objects: a kind, a plural, a short name, or plural.group. Empty: all.
	// +optional
	// +listType=atomic
	IncludedResourceTypes []string `json:"includedResourceTypes,omitempty"`
	// excludedResourceTypes are types that are left out.
	// +optional
	// +listType=atomic
	ExcludedResourceTypes []string `json:"excludedResourceTypes,omitempty"`
	// labelSelector selects the objects. Empty: all.
	// +optional
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
	// nameSelector selects volumes by name. It has no effect.
	// +optional
	NameSelector string `json:"nameSelector,omitempty"`
	// selectResource is the type of the objects that select volumes. It has no effect.
	// +optional
	// +kubebuilder:validation:Enum=pvc;pod;deployment;statefulset
	SelectResource string `json:"selectResource,omitempty"`
	// includeClusterResources says whether objects without a namespace belong to the group. Not set: they do not.
	// +optional
	IncludeClusterResources *bool `json:"includeClusterResources,omitempty"`
	// includedNamespacesByLabel selects namespaces by their labels. It has no effect.
	// +optional
	IncludedNamespacesByLabel *metav1.LabelSelector `json:"includedNamespacesByLabel,omitempty"`
	// includedNamespaces are the namespaces of the objects. Empty: those of the application.
	// +optional
	// +listType=atomic
	IncludedNamespaces []string `json:"includedNamespaces,omitempty"`
	// excludedNamespaces are namespaces that are left out. It has no effect.
	// +optional
	// +listType=atomic
	ExcludedNamespaces []string `json:"excludedNamespaces,omitempty"`
	// restoreStatus selects the types whose status is restored. Not set: none.
	// +optional
	RestoreStatus *GroupRestoreStatus `json:"restoreStatus,omitempty"`
	// essential says whether a failure matters to a workflow that fails on essential errors. Not set: it does.
	// +optional
	Essential *bool `json:"essential,omitempty"`
	// restoreOverwriteResources says whether a restore changes objects that exist already. Not set: it keeps them.
	// +optional
	RestoreOverwriteResources *bool `json:"restoreOverwriteResources,omitempty"`
}

// RecipeOperation is a command that a hook of type exec runs.
type RecipeOperation struct {
	// name of the operation.
	// +required
	Name string `json:"name"`
	// container in which the command runs. Empty: the first of the Pod.
	// +optional
	Container string `json:"container,omitempty"`
	// command to run: a JSON list of words, or words as a shell separates them. There is no shell.
	// +required
	// +kubebuilder:validation:MinLength=1
	Command string `json:"command"`
	// onError is that of the hook, for this operation: fail or continue.
	// +optional
	OnError string `json:"onError,omitempty"`
	// timeout is that of the hook, for this operation, in seconds.
	// +optional
	Timeout int `json:"timeout,omitempty"`
	// inverseOp names the operation that undoes this one: op, or hook/op.
	// +optional
	InverseOp string `json:"inverseOp,omitempty"`
}

// RecipeCheck is a condition that a hook of type check waits for.
type RecipeCheck struct {
	// name of the check.
	// +required
	Name string `json:"name"`
	// condition that all selected objects must meet, such as {$.status.readyReplicas} == {$.spec.replicas}.
	// +optional
	Condition string `json:"condition,omitempty"`
	// onError is that of the hook, for this check: fail or continue.
	// +optional
	OnError string `json:"onError,omitempty"`
	// timeout is that of the hook, for this check, in seconds.
	// +optional
	Timeout int `json:"timeout,omitempty"`
}

// RecipeJob is a Job that a hook of type job runs.
type RecipeJob struct {
	// name of the Job, and of its manifest in the Recipe's jobs.
	// +required
	Name string `json:"name"`
	// onError is that of the hook, for this Job: fail or continue.
	// +optional
	OnError string `json:"onError,omitempty"`
	// timeout is that of the hook, for this Job, in seconds.
	// +optional
	Timeout int `json:"timeout,omitempty"`
	// inverseOp names the operation that undoes this one: op, or hook/op.
	// +optional
	InverseOp string `json:"inverseOp,omitempty"`
	// forceCreate replaces a Job of that name.
	// +optional
	ForceCreate bool `json:"forceCreate,omitempty"`
}

// RecipeHook is something that a workflow does between groups.
type RecipeHook struct {
	// name of the hook.
	// +required
	Name string `json:"name"`
	// namespace in which the hook acts.
	// +required
	Namespace string `json:"namespace"`
	// type of the hook.
	// +required
	// +kubebuilder:validation:Enum=exec;scale;check;job
	Type string `json:"type"`
	// selectResource is the type of the objects that the selectors apply to: pod, deployment, statefulset, daemonset, a plural,
	// or group/version/plural.
	// +optional
	SelectResource string `json:"selectResource,omitempty"`
	// labelSelector selects the objects that the hook acts on.
	// +optional
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
	// nameSelector is a name, or a regular expression for names, of the objects that the hook acts on.
	// +optional
	NameSelector string `json:"nameSelector,omitempty"`
	// singlePodOnly says that a command runs in one Pod, and not in all that are selected.
	// +optional
	SinglePodOnly bool `json:"singlePodOnly,omitempty"`
	// onError says what a failure does: fail fails the step, continue counts as a success.
	// +optional
	// +kubebuilder:validation:Enum=fail;continue
	// +kubebuilder:default=fail
	OnError string `json:"onError,omitempty"`
	// timeout in seconds. Not set: 300.
	// +optional
	Timeout int `json:"timeout,omitempty"`
	// essential says whether a failure matters to a workflow that fails on essential errors. Not set: it does.
	// +optional
	Essential *bool `json:"essential,omitempty"`
	// ops are the operations of a hook of type exec.
	// +optional
	// +listType=map
	// +listMapKey=name
	Ops []RecipeOperation `json:"ops,omitempty"`
	// chks are the checks of a hook of type check.
	// +optional
	// +listType=map
	// +listMapKey=name
	Chks []RecipeCheck `json:"chks,omitempty"`
	// jobs are the Jobs of a hook of type job.
	// +optional
	// +listType=map
	// +listMapKey=name
	Jobs []RecipeJob `json:"jobs,omitempty"`
	// skipHookIfNotPresent says that a hook without an object to act on is no failure.
	// +optional
	SkipHookIfNotPresent bool `json:"skipHookIfNotPresent,omitempty"`
}

// RecipeWorkflow is a sequence of steps.
type RecipeWorkflow struct {
	// name: backup is run for a capture, restore for a restore. Others are ignored.
	// +required
	Name string `json:"name"`
	// sequence of the steps, each with one key: group and the name of a group, or hook and hook/op.
	// +required
	// +listType=atomic
	Sequence []map[string]string `json:"sequence"`
	// failOn says which failing steps make the workflow fail.
	// +optional
	// +kubebuilder:default=any-error
	FailOn FailOn `json:"failOn,omitempty"`
}

// RecipeSpec says what is captured of an application, and how it is captured and restored.
type RecipeSpec struct {
	// appType is the type of the application. It has no effect.
	// +required
	AppType string `json:"appType"`
	// groups of objects.
	// +optional
	// +listType=map
	// +listMapKey=name
	Groups []RecipeGroup `json:"groups,omitempty"`
	// volumes selects the claims of the application, in place of the group's pvcSelector.
	// +optional
	Volumes *RecipeGroup `json:"volumes,omitempty"`
	// hooks of the workflows.
	// +optional
	// +listType=map
	// +listMapKey=name
	Hooks []RecipeHook `json:"hooks,omitempty"`
	// jobs are manifests of Jobs, as text by name, for hooks of type job.
	// +optional
	// +listType=atomic
	Jobs []map[string]string `json:"jobs,omitempty"`
	// workflows of the application.
	// +optional
	// +listType=map
	// +listMapKey=name
	Workflows []RecipeWorkflow `json:"workflows,omitempty"`
}

// RecipeStatus is empty: nobody writes it.
type RecipeStatus struct{}

// Recipe says what is captured of an application, and how it is captured and restored.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Recipe struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the Recipe says.
	// +required
	Spec RecipeSpec `json:"spec"`
	// status is empty.
	// +optional
	Status RecipeStatus `json:"status,omitzero"`
}

// RecipeList is a list of Recipe.
// +kubebuilder:object:root=true
type RecipeList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Recipe `json:"items"`
}
