// The sarama client.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/IBM/sarama"

	"throughway/clients/task"
)

func main() {
	task.Run(roundTrip, describe)
}

func config(t *task.Task) (*sarama.Config, error) {
	c := sarama.NewConfig()
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Producer.Return.Successes = true
	if s := t.Security; s.Mechanism != "" {
		c.Net.SASL.Enable = true
		c.Net.SASL.Mechanism = sarama.SASLTypePlaintext
		c.Net.SASL.User = s.Username
		c.Net.SASL.Password = s.Password
	}
	tls, err := t.TLS()
	c.Net.TLS.Enable = tls != nil
	c.Net.TLS.Config = tls
	return c, err
}

func roundTrip(t *task.Task, r *task.Report) error {
	c, err := config(t)
	if err != nil {
		return err
	}
	bootstrap := strings.Split(t.Bootstrap, ",")
	if err := createTopic(t, c, bootstrap); err != nil {
		return fmt.Errorf("create %s: %w", t.Topic, err)
	}
	if err := write(t, r, c, bootstrap); err != nil {
		return fmt.Errorf("produce: %w", err)
	}
	group, err := sarama.NewConsumerGroup(bootstrap, t.Topic+"-group", c)
	if err != nil {
		return err
	}
	defer group.Close()
	ctx, cancel := context.WithTimeout(context.Background(), task.Patience)
	defer cancel()
	records := make(chan *sarama.ConsumerMessage)
	go read(ctx, group, t.Topic, reader(records))
	for {
		select {
		case one := <-records:
			if r.Saw(one.Key, one.Value) {
				return nil
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func createTopic(t *task.Task, c *sarama.Config, bootstrap []string) error {
	admin, err := sarama.NewClusterAdmin(bootstrap, c)
	if err != nil {
		return err
	}
	defer admin.Close()
	return admin.CreateTopic(t.Topic, &sarama.TopicDetail{NumPartitions: t.Partitions, ReplicationFactor: 3}, false)
}

func write(t *task.Task, r *task.Report, c *sarama.Config, bootstrap []string) error {
	producer, err := sarama.NewSyncProducer(bootstrap, c)
	if err != nil {
		return err
	}
	defer producer.Close()
	messages := make([]*sarama.ProducerMessage, 0, t.Records)
	for i := range t.Records {
		key, value := task.Record(i)
		messages = append(messages, &sarama.ProducerMessage{
			Topic: t.Topic, Key: sarama.StringEncoder(key), Value: sarama.StringEncoder(value)})
	}
	if err := producer.SendMessages(messages); err != nil {
		return err
	}
	r.Written = len(messages)
	return nil
}

// read stays in the group until the context ends; a rebalance ends one session and begins another.
func read(ctx context.Context, group sarama.ConsumerGroup, topic string, to reader) {
	for ctx.Err() == nil {
		if err := group.Consume(ctx, []string{topic}, to); err != nil {
			fmt.Fprintln(os.Stderr, "consume:", err)
			return
		}
	}
}

// reader hands on what is read.
type reader chan *sarama.ConsumerMessage

func (reader) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (reader) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (to reader) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case one := <-claim.Messages():
			if one == nil {
				return nil
			}
			select {
			case to <- one:
			case <-session.Context().Done():
				return nil
			}
		case <-session.Context().Done():
			return nil
		}
	}
}

func describe(t *task.Task, r *task.Report) error {
	c, err := config(t)
	if err != nil {
		return err
	}
	admin, err := sarama.NewClusterAdmin(strings.Split(t.Bootstrap, ","), c)
	if err != nil {
		return err
	}
	defer admin.Close()
	brokers, _, err := admin.DescribeCluster()
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	for _, broker := range brokers {
		r.Brokers[broker.ID()] = broker.Addr()
	}
	return nil
}
