#include "CContainerLaunch.h"

int main(void) { return swift_mesos_container_launch(0); }
