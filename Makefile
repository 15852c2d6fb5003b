# SPDX-License-Identifier: GPL-2.0-only
#
# Every target is a script in scripts/.

export MACHINE TEST RUN SUITE KERNEL ACCEL STRESS TOPIC PART MINUTES ROUNDS SEED CONFIG LSMOD DEBARCH

.SILENT:
.PHONY: help demo check tree export export-check lint kunit e2e selftest bench shell series
.PHONY: test run doctor move deb check-topics check-bisect check-sanitize mutants build-coverage
.PHONY: kunit-arches packages ready

help:
	sed -n 's/^## \{0,1\}//p' Makefile

## make demo           what it is for, on real drivers, as a transcript: vexpress, or MACHINE=
## make check          lint, KUnit, selftests and end-to-end tests on every machine
##
## make tree           patches/ -> build/linux: a commit per patch, a branch per topic
## make export         build/linux -> patches/
## make export-check   do they agree?
## make move           PATCH=name.patch TOPIC=: to the end of another topic
## make series         build/series, a folder per topic, ready for git send-email
##
## make lint           checkpatch, cover letters, sparse, W=1, clang, shellcheck
## make kunit          the KUnit suites; SUITE= is a glob
## make e2e            the tests that run in the guests; STRESS=60: seconds of stress
## make test           TEST=camera: one of the tests of e2e
## make selftest       the kernel tree's own selftests of cgroups
## make bench          what it costs, in instructions of the guests
## make check-topics   does every topic stand on the base with what it needs?
## make check-bisect   does every patch build and boot? PART=dirs|kernel|boot
## make check-sanitize faults, races, fuzzing; PART=faults|kcsan|races|escape|fuzz|configs
## make mutants        do the KUnit suites see a wrong line? NAME= for one of the changes
## make build-coverage the series in configurations that no machine has
## make kunit-arches   the KUnit suites on other architectures
## make shell          a shell in a guest
## make run            RUN='command' in a guest; scripts/run ends as the command did
## make deb            a Debian package of a kernel with the series; CONFIG= DEBARCH= LSMOD=
## make doctor         what is missing on this host; changes nothing
##
## MACHINE=vexpress|virt|q35   instead of all (demo, run, shell: vexpress)
## TOPIC=01-core               instead of all (series, check-topics)
## KERNEL=tree|tarball         a Linux 7.3.x of your own as the base
## MINUTES=70                  check leaves out what there is no time for, and says so
## ACCEL=kvm                   QEMU with KVM, which only helps q35

packages:
	scripts/packages

# The tree that the tests use: as it is, when it has work in it.
ready: packages
	scripts/tree --lax

tree: packages
	scripts/tree

export:
	scripts/export

export-check:
	scripts/export --check

series:
	scripts/series

move: ready
	scripts/move '$(PATCH)' '$(TOPIC)'

test: ready
	scripts/e2e --one

doctor:
	scripts/packages --doctor

mutants: ready
	scripts/mutants $(NAME)

deb: ready
	scripts/bindeb

demo check run lint kunit e2e selftest bench shell check-topics check-bisect check-sanitize build-coverage kunit-arches: ready
	scripts/$@
